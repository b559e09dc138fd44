#include "ca/trace.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/ca/samples.h"

namespace {

using schema::Json;

constexpr schema::Time kNow{std::chrono::seconds{1795255200}};

constexpr const char* kPolicy = R"(
version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
  gl: {url: https://gitlab.com}
deny:
  - {id: forks, when: {event_name: pull_request}}
allow:
  - {id: other, issuer: gl, when: all}
  - id: acme
    issuer: gh
    when: {repository: acme/app, ref: {regex: 'refs/tags/v.*'}}
    grant: {when: {environment: production}}
)";

Json Trace(const char* policy_text, const schema::Identity& identity) {
  const auto policy = ca::Policy::Parse(policy_text);
  REQUIRE_MESSAGE(policy, policy.error().Describe());
  return ca::TraceOf(*policy, policy->Decide(identity, "ecdsa-p256", kNow), identity.claims);
}

TEST_CASE("a trace has the rules of this issuer, and of each condition what it wants and finds") {
  schema::Identity identity = samples::Github();
  identity.claims = {{"repository", "evil/\"app"}, {"ref", "refs/tags/v1"}, {"event_name", 7}};
  const Json trace = Trace(kPolicy, identity);
  CHECK_EQ(trace["family"], "default-deny");
  CHECK_EQ(trace["rule"], "default-deny");
  REQUIRE_EQ(trace["rules"].size(), 2);  // not the one for GitLab
  const Json& deny = trace["rules"][0];
  CHECK_EQ(deny["rule"], "forks");
  CHECK_EQ(deny["effect"], "deny");
  CHECK_EQ(deny["conditions"][0]["found"], "7");
  CHECK_EQ(deny["conditions"][0]["holds"], false);
  const Json& allow = trace["rules"][1];
  REQUIRE_EQ(allow["conditions"].size(), 3);
  CHECK_EQ(allow["conditions"][0]["found"], R"("evil/\"app")");
  CHECK_EQ(allow["conditions"][0]["wanted"], R"("acme/app")");
  CHECK_EQ(allow["conditions"][0]["holds"], false);
  CHECK_EQ(allow["conditions"][1]["holds"], true);
  CHECK_EQ(allow["conditions"][2]["claim"], "environment");
  CHECK_EQ(allow["conditions"][2]["found"], "missing");
  CHECK_EQ(trace.count("more"), 0);
}

TEST_CASE("a trace is bounded, whatever the policy and the token") {
  std::string text =
      "version: 1\nissuers:\n  gh: {url: https://token.actions.githubusercontent.com}\nallow:\n";
  for (int i = 0; i < 300; ++i) {
    text += "  - {id: r" + std::to_string(i) + ", issuer: gh, when: {repository: a}}\n";
  }
  schema::Identity identity = samples::Github();
  identity.claims = {{"repository", std::string(4000, 'x') + "é"}};
  const Json trace = Trace(text.c_str(), identity);
  CHECK_EQ(trace["rules"].size(), 64);
  CHECK_EQ(trace["more"], true);
  std::string json;
  schema::AppendJson(trace, json);
  CHECK_LT(json.size(), 64 * 1024);
}

}  // namespace
