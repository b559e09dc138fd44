#include "ca/who_can.h"

#include <doctest/doctest.h>

#include "ca/asked.h"
#include "tests/support/test_ca.h"

namespace {

using schema::Json;

constexpr const char* kPolicy = R"(version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
  gl: {url: https://gitlab.com}
  own: {url: https://own}
deny:
  - {id: forks, issuer: gh, when: {event_name: {any: [fork, issues]}}}
  - {id: bad, issuer: gh, when: {repository: corp/bad}}
  - {id: trial, mode: audit, when: {ref: x}}
allow:
  - id: app
    owner: team
    ticket: T-1
    expires: 2027-06-30
    issuer: gh
    when: {repository: corp/app, repository_id: "1", workflow_ref: {glob: "corp/app/.github/workflows/*@refs/tags/*"}}
    grant: {keys: [ed25519], lifetime: 5m, per-run: 3, per-identity: {count: 10, within: 1h}}
  - {id: any-corp, issuer: gh, when: {repository_owner: corp, event_name: push}}
  - {id: lab, issuer: gl, when: {project_id: "20"}}
  - {id: own-all, issuer: own, when: all}
  - {id: gone, expires: 2020-01-01, issuer: own, when: all}
)";

ca::Policy Policy() {
  auto policy = ca::Policy::Parse(kPolicy);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

// "app if repository_id, workflow_ref unless event_name": rules, with what is not known of them.
std::string Ask(const ca::WhoQuestion& question) {
  const ca::Policy policy = Policy();
  const auto answers = ca::WhoCan(policy, question, support::kNow);
  if (!answers) return answers.error().detail;
  std::string out;
  for (const ca::WhoAnswer& answer : *answers) {
    if (!out.empty()) out += "; ";
    out += answer.rule->id;
    if (answer.expired) out += " expired";
    if (answer.refused()) out += " refused";
    for (const auto* condition : answer.only_if) out += " ?" + condition->claim();
    for (const auto& denied : answer.denied) out += " -" + denied.rule->id;
  }
  return out;
}

TEST_CASE("whom the policy lets sign") {
  CHECK_EQ(Ask({}),
           "app ?repository ?repository_id ?workflow_ref -forks; "
           "any-corp ?repository_owner ?event_name -bad; lab ?project_id; own-all; gone expired");
  CHECK_EQ(Ask({.issuer = "own"}), "own-all; gone expired");
  CHECK_EQ(Ask({.issuer = "nobody"}), "the policy has no issuer 'nobody'");
}

TEST_CASE("a repository: by name, by id, of a kind that knows such") {
  CHECK_EQ(Ask({.repository = "corp/app"}),
           "app ?repository_id ?workflow_ref -forks; any-corp ?event_name; lab ?project_id");
  CHECK_EQ(Ask({.repository = "corp/other"}), "any-corp ?event_name; lab ?project_id");
  CHECK_EQ(Ask({.issuer = "gh", .repository = "corp/bad"}), "any-corp refused ?event_name -bad");
  CHECK_EQ(Ask({.issuer = "gh", .repository = "else/app"}), "");
  CHECK_EQ(Ask({.issuer = "gh", .repository_id = "1"}),
           "app ?repository ?workflow_ref -forks; any-corp ?repository_owner ?event_name -bad");
  CHECK_EQ(Ask({.repository_id = "20"}), "any-corp ?repository_owner ?event_name -bad; lab");
  CHECK_NE(Ask({.issuer = "own", .repository = "x/y"}).find("ask with --claim"), std::string::npos);
}

TEST_CASE("an identity: all of its claims, some of them, or its name in certificates") {
  const Json claims = {{"iss", "https://token.actions.githubusercontent.com"},
                       {"repository", "corp/app"},
                       {"repository_id", "1"},
                       {"repository_owner", "corp"},
                       {"event_name", "push"},
                       {"workflow_ref", "corp/app/.github/workflows/r.yml@refs/tags/v1"}};
  CHECK_EQ(Ask({.claims = claims}), "app; any-corp");
  Json forked = claims;
  forked["event_name"] = "fork";
  CHECK_EQ(Ask({.claims = forked}), "app refused -forks");
  CHECK_EQ(Ask({.claims = Json{{"iss", "https://x"}}}), "the policy has no issuer 'https://x'");
  CHECK_EQ(Ask({.issuer = "gh", .known = {{"event_name", "push"}, {"repository", "corp/z"}}}),
           "any-corp ?repository_owner");
  CHECK_EQ(Ask({.issuer = "gh", .san = "https://github.com/corp/w/.github/workflows/r.yml@refs/x"}),
           "app ?repository ?repository_id ?workflow_ref -forks; "
           "any-corp ?repository_owner ?event_name -bad");
  CHECK_NE(Ask({.issuer = "own", .san = "x"}).find("ask with --claim"), std::string::npos);
}

TEST_CASE("the table in words, and as JSON") {
  const ca::Policy policy = Policy();
  const auto answers =
      ca::WhoCan(policy, {.issuer = "gh", .repository = "corp/app"}, support::kNow);
  REQUIRE(answers);
  const std::string text = ca::WhoText(policy, *answers);
  CHECK_EQ(text.substr(0, text.find("\n\n")).find("CAN SIGN  RULE              ISSUER  WHO"), 0U);
  const char* const lines[] = {
      "\nif        app               gh      repository is \"corp/app\" ✓      ",
      "\n          owner team                and repository_id is \"1\"        ",
      "\n          T-1                       and workflow_ref is like "
      "\"corp/app/.github/workflows/*@refs/tags/*\"  1 per token\n",
      "\n          until 2027-06-30          unless event_name is \"fork\" or \"issues\" (deny "
      "rule "
      "forks)            3 per run\n",
      "  keys: ed25519\n",
      "  lifetime: 5m\n",
      "  10 per identity in 1h\n",
      "\nif        any-corp          gh      repository_owner is \"corp\" ✓",
      "  lifetime: the CA's\n"};
  for (const char* line : lines) {
    CAPTURE(line);
    CHECK_NE(text.find(line), std::string::npos);
  }
  const Json json = ca::WhoJson(policy, *answers);
  CHECK_EQ(json["answers"][0]["can"], "if");
  CHECK_EQ(json["answers"][0]["lifetime_seconds"], 300);
  CHECK_EQ(json["answers"][0]["denied"][0]["rule"], "forks");
  CHECK_EQ(json["answers"][1]["keys"], "all");
  CHECK_EQ(ca::WhoText(policy, {}), "nobody: no allow rule can match\n");
}

TEST_CASE("a long list of values takes several lines, each value whole") {
  std::string values;
  for (int i = 0; i < 9; ++i) values += "\"number or \\\"" + std::to_string(i) + "\", ";
  const auto policy = ca::Policy::Parse(
      "version: 1\nissuers: {o: {url: 'https://o'}}\nallow:\n"
      "  - {id: r, issuer: o, when: {team: {any: [" +
      values + "]}, long: \"" + std::string(200, 'x') + "\"}}\n");
  REQUIRE_MESSAGE(policy, (policy ? "" : policy.error().Describe()));
  const auto answers = ca::WhoCan(*policy, {.issuer = "o"}, support::kNow);
  REQUIRE(answers);
  const std::string text = ca::WhoText(*policy, *answers);
  for (int i = 0; i < 9; ++i) {
    CHECK_NE(text.find("\"number or \\\"" + std::to_string(i) + "\""), std::string::npos);
  }
  CHECK_NE(text.find("team is \"number or \\\"0\" or \"number"), std::string::npos);
  CHECK_NE(text.find("\n                            or \"number or"), std::string::npos);
  CHECK_NE(text.find(std::string(200, 'x')), std::string::npos);
}

}  // namespace
