// Which counts are an alarm.
#include "http/excess.h"

#include <doctest/doctest.h>

namespace {

struct Case {
  const char* name;
  hsm::SignatureCount count;
  std::uint64_t entered, retried;
  std::uint64_t want;  // excess; 0: no alarm
};

constexpr auto kCertificate = hsm::Purpose::kCertificate;
constexpr auto kSct = hsm::Purpose::kSct;

// purpose, asked, again, made, lost, excess
const Case kCases[] = {
    {"nothing yet", {kCertificate}, 0, 0, 0},
    {"each entry once", {kCertificate, 5, 0, 5, 0, 0}, 5, 0, 0},
    {"entries that nobody signed yet", {kCertificate, 5, 0, 5, 0, 0}, 9, 0, 0},
    {"a client that came back", {kCertificate, 6, 0, 6, 0, 0}, 5, 1, 0},
    {"a signer that was lost", {kCertificate, 6, 1, 5, 1, 0}, 5, 0, 0},
    {"one lost after it had signed", {kCertificate, 6, 1, 6, 1, 0}, 5, 0, 0},
    {"a certificate without an entry", {kCertificate, 6, 0, 6, 0, 0}, 5, 0, 1},
    {"asked for by somebody else", {kCertificate, 5, 0, 7, 0, 2}, 9, 0, 2},
    {"both: the larger", {kCertificate, 5, 0, 9, 0, 2}, 4, 0, 5},
    {"an SCT is not compared with entries", {kSct, 9, 0, 9, 0, 0}, 5, 0, 0},
    {"but with what was asked", {kSct, 9, 0, 10, 0, 1}, 50, 0, 1},
};

TEST_CASE("only an excess is an alarm") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    hsm::CustodyState custody{};
    custody.signatures[0] = c.count;
    ca::LogState log{};
    log.entered = c.entered;
    log.retried = c.retried;
    const auto found = http::FindExcess(custody, log);
    REQUIRE_EQ(found.size(), c.want == 0 ? 0 : 1);
    if (c.want == 0) continue;
    CHECK_EQ(found[0].count.excess, c.want);
    CHECK_EQ(found[0].Text(), std::to_string(c.want) + " signatures of purpose " +
                                  std::string(hsm::PurposeName(c.count.purpose)) +
                                  " more than were asked for");
  }
}

}  // namespace
