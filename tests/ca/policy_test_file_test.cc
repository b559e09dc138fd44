#include "ca/policy_test_file.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"
#include "tests/support/test_ca.h"

namespace {

constexpr const char* kPolicy = R"(version: 1
issuers: {ci: {url: 'https://ci', kind: uri}}
deny: [{id: forks, when: {event: fork}}]
allow:
  - {id: main, issuer: ci, when: {ref: main, n: 7, ok: true, groups: core}, grant: {keys: [ed25519]}}
  - {id: trial, mode: audit, issuer: ci, when: all}
  - {id: later, expires: 2027-01-01, issuer: ci, when: {ref: later}}
)";

ca::PolicyTestFile Read(const std::string& text) {
  auto file = ca::ParsePolicyTests(text);
  if (!file) FAIL(file.error().Describe());
  return *std::move(file);
}

ca::Policy Policy(std::string_view text) {
  auto policy = ca::Policy::Parse(text);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

TEST_CASE("cases that hold and cases that do not") {
  const std::string main = "claims: {ref: main, n: 7, ok: true, groups: [x, core]}, key: ed25519";
  const std::string not_key = "claims: {ref: main, n: 7, ok: true, groups: core}";
  const std::pair<std::string, std::pair<bool, const char*>> cases[] = {
      {"issuer: ci, " + main + ", expect: main", {true, "allowed by rule 'main'"}},
      {"issuer: 'https://ci', " + main + ", expect: main", {true, "allowed by rule 'main'"}},
      {"issuer: ci, " + main + ", expect: default-deny", {false, "allowed by rule 'main'"}},
      {"issuer: ci, " + not_key + ", expect: main",
       {false, "refused: rule 'main' does not allow this key type"}},
      {"issuer: ci, " + not_key + ", expect: key",
       {true, "refused: rule 'main' does not allow this key type"}},
      {"issuer: ci, claims: {event: fork}, expect: forks", {true, "refused by deny rule 'forks'"}},
      {"issuer: ci, claims: {event: fork}, expect: deny-rule",
       {true, "refused by deny rule 'forks'"}},
      {"issuer: ci, claims: {event: fork}, expect: main", {false, "refused by deny rule 'forks'"}},
      {"issuer: ci, claims: {}, expect: default-deny",
       {true, "refused: no rule allows it (default-deny)"}},
      {"issuer: 'https://x', claims: {}, expect: default-deny",
       {true, "refused: no rule allows it (default-deny)"}},
      {"issuer: ic, claims: {}, expect: default-deny",
       {false, "the policy has no issuer 'ic'; give its name or its URL"}},
      {"issuer: ci, claims: {iss: 'https://x'}, expect: default-deny",
       {false, "the issuer is said to be https://ci, but \"iss\" is https://x"}},
      {"issuer: ci, claims: {}, expect: mian",
       {false, "the policy has no rule 'mian'; did you mean 'main'?"}},
      {"issuer: ci, claims: {}, expect: trial",
       {false, "rule 'trial' is in audit mode and decides nothing"}},
      {"issuer: ci, claims: {ref: later}, expect: later", {true, "allowed by rule 'later'"}},
      {"issuer: ci, claims: {ref: later}, now: 2027-01-01, expect: default-deny",
       {true, "refused: no rule allows it (default-deny)"}},
  };
  const ca::Policy policy = Policy(kPolicy);
  for (const auto& row : cases) {
    const auto& rest = row.first;
    const auto& want = row.second;
    CAPTURE(rest);
    const ca::PolicyTestFile file = Read("cases: [{name: n, " + rest + "}]");
    const ca::TestResult result = ca::RunPolicyTests(policy, file, support::kNow);
    REQUIRE_EQ(result.cases.size(), 1U);
    CHECK_EQ(result.cases[0].passed, want.first);
    CHECK_EQ(result.cases[0].found, want.second);
    CHECK_EQ(result.failed, want.first ? 0U : 1U);
  }
}

TEST_CASE("a rule with a family's name cannot be expected") {
  const ca::Policy policy = Policy(
      "version: 1\nissuers: {ci: {url: 'https://ci'}}\nallow: [{id: key, issuer: ci, when: all}]");
  const ca::PolicyTestFile file = Read("cases: [{name: n, issuer: ci, claims: {}, expect: key}]");
  CHECK_EQ(ca::RunPolicyTests(policy, file, support::kNow).failed, 1U);
}

TEST_CASE("the report shows failing cases with their tree, and rules without a case") {
  const ca::PolicyTestFile file = Read(R"(
now: 2026-11-21
bases: {x: &x {ref: main}}
cases:
  - {name: good, issuer: ci, claims: {}, expect: default-deny}
  - {name: "bad\e[2J", issuer: ci, claims: {<<: *x, n: 8}, expect: main}
)");
  const ca::TestResult result = ca::RunPolicyTests(Policy(kPolicy), file, {});
  const std::string report = ca::TestReport(result);
  CHECK_EQ(report.substr(0, report.find("\n    refused") + 1),
           "FAILED bad?[2J (line 6)\n  expected main\n  found    refused: no rule allows it "
           "(default-deny)\n\n");
  CHECK_NE(report.find("        ✗ n       wanted \"7\", found 8\n"), std::string::npos);
  CHECK_NE(report.find("2 cases, 1 failed\nno case expects: forks later\n"), std::string::npos);
  CHECK_EQ(report.find("good"), std::string::npos);
  CHECK_EQ(ca::TestJson(result)["cases"][1]["passed"], false);
}

TEST_CASE("what is shipped holds, and every rule has a case") {
  const auto policy = schema::ReadFile("config/policy.yaml");
  const auto cases = schema::ReadFile("config/policy_test.yaml");
  REQUIRE(policy);
  REQUIRE(cases);
  const ca::PolicyTestFile file = Read(*cases);
  CHECK_EQ(file.policy, "policy.yaml");
  const ca::TestResult result = ca::RunPolicyTests(Policy(*policy), file, support::kNow);
  CHECK_EQ(ca::TestReport(result), std::to_string(file.cases.size()) + " cases, 0 failed\n");
}

TEST_CASE("malformed files are refused with path and line") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "wanted a map"},
      {"[]", "wanted a map"},
      {"cases: []", "at least one"},
      {"cases: {}", "at least one"},
      {"policy: a.yaml", "'cases' is missing"},
      {"case: []\ncases: []", "unknown key"},
      {"cases: [x]", "cases[0]"},
      {"cases: [{name: a, issuer: b, claims: {}}]", "'expect' is missing"},
      {"cases: [{name: a, issuer: b, claims: [], expect: c}]", "wanted a map of claims"},
      {"cases: [{name: '', issuer: b, claims: {}, expect: c}]", "cases[0].name"},
      {"cases: [{name: a, issuer: b, claims: {n: 007}, expect: c}]", "put it in quotes"},
      {"cases: [{name: a, issuer: b, claims: {n: .inf}, expect: c}]", "put it in quotes"},
      {"cases: [{name: a, issuer: b, claims: {}, key: dsa, expect: c}]", "no key type 'dsa'"},
      {"cases: [{name: a, issuer: b, claims: {}, now: soon, expect: c}]", "wanted a time such as"},
      {"cases: [{name: a, issuer: b, claims: {}, expect: c}, {name: a, issuer: b, claims: {}, "
       "expect: c}]",
       "another case"},
      {"cases: [{name: a, issuer: b, claims: {x: 1, x: 2}, expect: c}]", "line 1"},
  };
  for (const auto& row : cases) {
    const auto& text = row.first;
    const auto& why = row.second;
    CAPTURE(text);
    const auto file = ca::ParsePolicyTests(text);
    REQUIRE_FALSE(file);
    CHECK(file.error().Is(ca::kBadInput));
    CHECK_NE(file.error().detail.find(why), std::string::npos);
  }
}

}  // namespace
