// Input: issuer, line feed, claims as JSON, line feed, policy. Whatever the policy, a decision is
// the first rule that matched or default-deny, names the text's digest, and needs at least one
// claim unless the rule is `allow: all`.
#include <cstdint>

#include "ca/policy.h"

namespace {

std::string_view CutLine(std::string_view* text) {
  const std::size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

constexpr schema::Time kNow{std::chrono::seconds{1764000000}};

void CheckDecision(const ca::Policy& policy, const ca::Decision& decision) {
  MUST(decision.checks().size() == policy.deny().size() + policy.allow().size());
  const ca::Decision::Check* deny = nullptr;
  const ca::Decision::Check* allow = nullptr;
  for (const ca::Decision::Check& check : decision.checks()) {
    if (check.mode == ca::Mode::kAudit || !check.Acts()) continue;
    const ca::Decision::Check*& first = check.effect == ca::Effect::kDeny ? deny : allow;
    if (first == nullptr) first = &check;
  }
  MUST(decision.allowed() == (deny == nullptr && allow != nullptr));
  if (deny != nullptr) MUST(decision.rule() == deny->rule);
  if (decision.allowed()) MUST(decision.rule() == allow->rule);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = schema::AsText({data, size});
  schema::Identity identity{};
  identity.issuer = CutLine(&rest);
  if (auto claims = schema::ParseJson(CutLine(&rest), {.bytes = 4096})) {
    identity.claims = *std::move(claims);
  }
  const auto policy = ca::Policy::Parse(rest);
  if (!policy) {
    MUST(policy.error().Is(ca::kBadPolicy));
    return 0;
  }
  CheckDecision(*policy, policy->Decide(identity, "ecdsa-p256", kNow));
  return 0;
}
