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

void CheckDecision(const ca::Decision& decision) {
  const ca::Decision::Check* first = nullptr;
  for (const ca::Decision::Check& check : decision.checks()) {
    if (check.matched && first == nullptr) first = &check;
  }
  MUST(decision.allowed() == (first != nullptr));
  MUST(decision.rule() == (first != nullptr ? first->rule : "default-deny"));
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
  MUST(policy->digest() == schema::Hex(schema::Sha256(schema::AsBytes(rest))));
  const ca::Decision decision = policy->Decide(identity);
  CheckDecision(decision);
  identity.claims = schema::Json::object();
  const ca::Decision without_claims = policy->Decide(identity);
  MUST(!without_claims.allowed() || without_claims.rule() == "allow-all");
  MUST(without_claims.checks().size() == decision.checks().size());
  return 0;
}
