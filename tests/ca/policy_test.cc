#include "ca/policy.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"
#include "tests/ca/samples.h"

namespace {

constexpr std::string_view kPolicy = R"(
version: 1
issuers:
  https://github:
    allow: all
  https://gitlab:
    allow:
      - id: payments
        claims: {project_id: "123", ref_protected: "true"}
      - id: tools
        claims:
          project_id: 7
          ref_protected: true
      - id: payments-too
        claims: {project_id: "123"}
)";

ca::Policy Parse(std::string_view text) {
  auto policy = ca::Policy::Parse(text);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

ca::Decision Decide(std::string_view text, std::string issuer, const char* claims) {
  schema::Identity identity{};
  identity.issuer = std::move(issuer);
  auto json = schema::ParseJson(claims, {.bytes = 4096});
  REQUIRE(json);
  identity.claims = *std::move(json);
  return Parse(text).Decide(identity);
}

struct Case {
  const char* name;
  const char* issuer;
  const char* claims;
  const char* rule;  // "default-deny": refused
};

TEST_CASE("what is allowed, and by which rule") {
  const Case cases[] = {
      {"issuer with allow: all", "https://github", "{}", "allow-all"},
      {"unknown issuer", "https://other", R"({"project_id":"123"})", "default-deny"},
      {"issuer with a slash more", "https://github/", "{}", "default-deny"},
      {"issuer in other case", "https://GitHub", "{}", "default-deny"},
      {"empty issuer", "", "{}", "default-deny"},
      {"all claims match", "https://gitlab", R"({"project_id":"123","ref_protected":"true"})",
       "payments"},
      {"a claim more", "https://gitlab", R"({"project_id":"123","ref_protected":"true","x":1})",
       "payments"},
      {"numbers and booleans", "https://gitlab", R"({"project_id":123,"ref_protected":true})",
       "payments"},
      {"number wanted, string given", "https://gitlab",
       R"({"project_id":"7","ref_protected":"true"})", "tools"},
      {"integral double", "https://gitlab", R"({"project_id":7.0,"ref_protected":true})", "tools"},
      {"later rule", "https://gitlab", R"({"project_id":"123","ref_protected":"false"})",
       "payments-too"},
      {"one claim missing", "https://gitlab", R"({"ref_protected":"true"})", "default-deny"},
      {"no claims", "https://gitlab", "{}", "default-deny"},
      {"not an object", "https://gitlab", "[]", "default-deny"},
      {"null", "https://gitlab", R"({"project_id":null,"ref_protected":"true"})", "default-deny"},
      {"array", "https://gitlab", R"({"project_id":["123"],"ref_protected":"true"})",
       "default-deny"},
      {"object", "https://gitlab", R"({"project_id":{"123":1},"ref_protected":"true"})",
       "default-deny"},
      {"prefix", "https://gitlab", R"({"project_id":"1234","ref_protected":"true"})",
       "default-deny"},
      {"space", "https://gitlab", R"({"project_id":"123 ","ref_protected":"true"})",
       "default-deny"},
      {"claim name in other case", "https://gitlab", R"({"Project_id":"123"})", "default-deny"},
      {"fraction", "https://gitlab", R"({"project_id":7.5,"ref_protected":true})", "default-deny"},
      {"false", "https://gitlab", R"({"project_id":7,"ref_protected":false})", "default-deny"},
      {"1 is not true", "https://gitlab", R"({"project_id":7,"ref_protected":1})", "default-deny"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const ca::Decision decision = Decide(kPolicy, c.issuer, c.claims);
    CHECK_EQ(decision.rule(), c.rule);
    CHECK_EQ(decision.allowed(), std::string_view(c.rule) != "default-deny");
  }
}

TEST_CASE("a decision lists every rule of the issuer, once and in order, and the policy's digest") {
  const ca::Decision decision =
      Decide(kPolicy, "https://gitlab", R"({"project_id":"123","ref_protected":"true"})");
  REQUIRE_EQ(decision.checks().size(), 3);
  CHECK_EQ(decision.checks()[0].rule, "payments");
  CHECK(decision.checks()[0].matched);
  CHECK_EQ(decision.checks()[1].rule, "tools");
  CHECK(!decision.checks()[1].matched);
  CHECK_EQ(decision.checks()[2].rule, "payments-too");
  CHECK(decision.checks()[2].matched);
  CHECK_EQ(decision.policy_digest(), schema::Hex(schema::Sha256(schema::AsBytes(kPolicy))));
  CHECK(Decide(kPolicy, "https://other", "{}").checks().empty());
  CHECK_EQ(Decide(kPolicy, "https://github", "{}").checks().size(), 1);
}

TEST_CASE("large numbers match only where no digit was lost") {
  constexpr std::string_view policy =
      "version: 1\nissuers: {i: {allow: [{id: a, claims: {n: \"9007199254740993\"}},"
      "{id: b, claims: {n: \"1000000\"}}, {id: c, claims: {n: \"18446744073709551615\"}},"
      "{id: d, claims: {n: \"-5\"}}, {id: e, claims: {n: \"1.5\"}}]}}\n";
  const std::pair<const char*, const char*> cases[] = {
      {R"({"n":9007199254740993})", "a"},
      {R"({"n":9007199254740993.0})", "default-deny"},
      {R"({"n":1e6})", "b"},
      {R"({"n":18446744073709551615})", "c"},
      {R"({"n":1e300})", "default-deny"},
      {R"({"n":-5})", "d"},
      {R"({"n":1.5})", "e"},
  };
  for (const auto& [claims, rule] : cases) {
    const auto shown = claims;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    CHECK_EQ(Decide(policy, "i", claims).rule(), rule);
  }
}

TEST_CASE("a policy that cannot be used says where") {
  struct Bad {
    const char* name;
    const char* text;
    std::vector<const char*> want;  // parts of the detail
  };
  const Bad cases[] = {
      {"empty", "", {"version"}},
      {"a list", "- a\n", {"wanted a map"}},
      {"not YAML", "version: [1\n", {}},
      {"no version", "issuers: {i: {allow: all}}\n", {"version"}},
      {"version 2", "version: 2\nissuers: {i: {allow: all}}\n", {"version", "line 1"}},
      {"version as text", "version: one\nissuers: {i: {allow: all}}\n", {"version", "line 1"}},
      {"no issuers", "version: 1\n", {"issuers"}},
      {"zero issuers", "version: 1\nissuers: {}\n", {"issuers", "line 2", "at least one"}},
      {"null issuers", "version: 1\nissuers:\n", {"issuers", "at least one"}},
      {"issuers as a list", "version: 1\nissuers: [i]\n", {"issuers", "line 2"}},
      {"unknown key", "version: 1\nissuers: {i: {allow: all}}\ndenies: []\n", {"denies", "line 3"}},
      {"unknown key of an issuer",
       "version: 1\nissuers:\n  i:\n    alow: all\n",
       {"alow", "line 4"}},
      {"unknown key of a rule",
       "version: 1\nissuers:\n  i:\n    allow:\n      - id: a\n        claims: {a: b}\n        "
       "when: x\n",
       {"when", "line 7", "allow[0]"}},
      {"issuer null", "version: 1\nissuers:\n  i:\n", {"line 3"}},
      {"issuer twice", "version: 1\nissuers:\n  i: {allow: all}\n  i: {allow: all}\n", {}},
      {"allow missing", "version: 1\nissuers:\n  i: {}\n", {"allow"}},
      {"allow everything", "version: 1\nissuers:\n  i: {allow: everything}\n", {"allow", "line 3"}},
      {"allow true", "version: 1\nissuers:\n  i: {allow: true}\n", {"allow"}},
      {"allow nobody", "version: 1\nissuers:\n  i: {allow: []}\n", {"allow", "at least one rule"}},
      {"rule as text", "version: 1\nissuers:\n  i: {allow: [all]}\n", {"allow[0]"}},
      {"no id", "version: 1\nissuers:\n  i: {allow: [{claims: {a: b}}]}\n", {"id"}},
      {"empty id", "version: 1\nissuers:\n  i: {allow: [{id: \"\", claims: {a: b}}]}\n", {"id"}},
      {"id with a space",
       "version: 1\nissuers:\n  i: {allow: [{id: a b, claims: {a: b}}]}\n",
       {"id"}},
      {"reserved id",
       "version: 1\nissuers:\n  i: {allow: [{id: default-deny, claims: {a: b}}]}\n",
       {"reserved"}},
      {"same id, other issuer",
       "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {a: b}}]}\n  j: {allow: [{id: r, "
       "claims: {a: b}}]}\n",
       {"another rule", "line 4"}},
      {"no claims", "version: 1\nissuers:\n  i: {allow: [{id: r}]}\n", {"claims"}},
      {"zero claims",
       "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {}}]}\n",
       {"claims", "at least one"}},
      {"null value",
       "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {a: }}]}\n",
       {"claims.a"}},
      {"list value",
       "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {a: [b]}}]}\n",
       {"claims.a"}},
      {"map value",
       "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {a: {b: c}}}]}\n",
       {"claims.a"}},
      {"claim twice", "version: 1\nissuers:\n  i: {allow: [{id: r, claims: {a: b, a: c}}]}\n", {}},
  };
  for (const Bad& c : cases) {
    CAPTURE(c.name);
    const auto policy = ca::Policy::Parse(c.text);
    REQUIRE(!policy);
    CHECK(policy.error().Is(ca::kBadPolicy));
    CAPTURE(policy.error().detail);
    CHECK(!policy.error().detail.empty());
    for (const char* want : c.want) {
      CAPTURE(want);
      CHECK(policy.error().detail.find(want) != std::string::npos);
    }
  }
}

TEST_CASE("the shipped example is a policy") {
  const auto text = schema::ReadFile("config/policy.yaml");
  REQUIRE(text);
  CHECK(ca::Policy::Parse(*text));
}

}  // namespace
