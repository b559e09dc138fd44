// A chain that loads has an issuing CA and a root, is valid at that time, loads again from what was
// kept of it, and does not load with anything beside it in the file or in another order.
#include <algorithm>
#include <cstdint>

#include "ca/chain.h"

namespace {

// 2026-11-21T10:00:00Z: the seeds in corpus/chain are valid then.
constexpr schema::Time kNow{std::chrono::seconds{1795255200}};

std::string Join(const std::vector<std::string>& pem) {
  std::string out;
  for (const std::string& one : pem) out.append(one).append("\n");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(schema::AsText({data, size}));
  const auto chain = ca::LoadChain(text, kNow);
  if (!chain) {
    MUST(chain.error().Is(ca::kBadChain) && !chain.error().detail.empty());
    return 0;
  }
  MUST(chain->certificates.size() >= 2 && chain->certificates.size() == chain->pem.size());
  MUST(chain->not_before <= kNow && kNow <= chain->not_after);
  MUST(!chain->organization.empty() && !chain->key_id.empty());
  MUST(chain->key_hash == schema::Sha256(chain->spki.view()));

  std::vector<std::string> pem = chain->pem;
  const auto again = ca::LoadChain(Join(pem), kNow);
  MUST(again && again->certificates == chain->certificates && again->subject == chain->subject);
  MUST(!ca::LoadChain(text + "x", kNow) && !ca::LoadChain("x" + text, kNow));
  std::ranges::reverse(pem);
  MUST(!ca::LoadChain(Join(pem), kNow));
  return 0;
}
