#include "http/excess.h"

#include <algorithm>

namespace http {

std::string Excess::Text() const {
  return std::to_string(count.excess) + " signatures of purpose " +
         std::string(hsm::PurposeName(count.purpose)) + " more than were asked for";
}

std::vector<Excess> FindExcess(const hsm::CustodyState& custody, const ca::LogState& log) {
  std::vector<Excess> found;
  for (const hsm::SignatureCount& count : custody.signatures) {
    Excess excess{count};
    if (count.purpose == hsm::Purpose::kCertificate) {
      excess.entered = log.entered;
      excess.retried = log.retried;
      const std::uint64_t leave = log.entered + log.retried + count.again;
      if (count.made > leave) {
        excess.count.excess = std::max(count.excess, count.made - leave);
      }
    }
    if (excess.count.excess > 0) found.push_back(excess);
  }
  return found;
}

}  // namespace http
