// Input: a file of `policy test`. One that is taken has cases, each with a name of its own, an
// object of claims, a known key type and something expected; run, every case is in the result once,
// failed ones are counted, what passed is what Decide says, and the report cannot steer a terminal.
#include <algorithm>
#include <cstdint>
#include <set>

#include "ca/policy_test_file.h"

namespace {

constexpr schema::Time kNow{std::chrono::seconds{1764000000}};
constexpr const char* kPolicy = R"(version: 1
issuers:
  gh: {url: https://gh.example, kind: github-workflow}
  gl: {url: https://gl.example}
deny:
  - {id: no-forks, issuer: gh, when: {event_name: {any: [pull_request, fork]}}}
allow:
  - {id: trial, issuer: gl, mode: audit, when: all}
  - id: release
    issuer: gh
    expires: 2026-01-01
    when: {repository_id: {any: ["1", "2"]}, ref: {glob: "refs/tags/v*"}, environment: {absent: true}}
    grant: {keys: [ecdsa-p256]}
)";

void CheckCase(const ca::PolicyCase& one) {
  MUST(!one.name.empty() && !one.issuer.empty() && !one.expect.empty());
  MUST(one.claims.is_object() && one.line > 0);
  MUST(ca::CheckKeyName(one.key).has_value());
}

void CheckResult(const ca::Policy& policy, const ca::CaseResult& result) {
  const ca::PolicyCase& one = *result.of;
  MUST(!result.found.empty());
  if (!result.passed) return;
  const auto identity = ca::IdentityOf(policy, one.claims, one.issuer);
  MUST(identity.has_value() && result.explain.empty());
  const ca::Decision decision = policy.Decide(*identity, one.key, one.now.value_or(kNow));
  MUST(decision.rule() == one.expect || decision.family() == one.expect);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ca::Policy policy = *ca::Policy::Parse(kPolicy);
  const auto file = ca::ParsePolicyTests(schema::AsText({data, size}));
  if (!file) {
    MUST(file.error().Is(ca::kBadInput) && !file.error().detail.empty());
    return 0;
  }
  MUST(!file->cases.empty());
  std::set<std::string> names;
  for (const ca::PolicyCase& one : file->cases) {
    CheckCase(one);
    MUST(names.insert(one.name).second);
  }
  const ca::TestResult result = ca::RunPolicyTests(policy, *file, kNow);
  MUST(result.cases.size() == file->cases.size());
  std::size_t failed = 0;
  for (const ca::CaseResult& one : result.cases) {
    CheckResult(policy, one);
    if (!one.passed) ++failed;
  }
  MUST(failed == result.failed);
  const std::string report = ca::TestReport(result);
  MUST(std::ranges::none_of(report,
                            [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }));
  MUST(ca::TestJson(result)["cases"].size() ==
       failed + std::size_t(std::ranges::count(result.cases, true, &ca::CaseResult::passed)));
  return 0;
}
