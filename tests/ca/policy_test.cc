#include "ca/policy.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"

namespace {

constexpr schema::Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 26);

constexpr std::string_view kPolicy = R"(
version: 1
issuers:
  gh: {url: https://github}
  gl: {url: https://gitlab, kind: gitlab-pipeline}
deny:
  - {id: no-forks, issuer: gh, when: {event_name: {any: [pull_request, issue_comment]}}}
  - {id: nobody-evil, when: {owner: evil}}
  - {id: forgotten, issuer: gh, expires: 2020-01-01, when: {legacy: true}}
  - {id: trial-deny, issuer: gh, mode: audit, when: {runner: self-hosted}}
allow:
  - {id: old, issuer: gh, expires: 2026-11-26, when: {repo: "1"}}
  - {id: trial-allow, issuer: gh, mode: audit, when: {repo: "9"}}
  - id: release
    issuer: gh
    when: {repo: "1"}
    grant: {keys: [ed25519], lifetime: 5m, when: {environment: production}}
  - {id: both, issuer: [gh, gl], when: {repo: {any: ["1", "2"]}, environment: {absent: true}}}
  - {id: all-lab, issuer: gl, expires: 2026-11-27, when: all}
)";

ca::Policy Parse(std::string_view text) {
  auto policy = ca::Policy::Parse(text);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

schema::Identity Who(std::string issuer, const char* claims) {
  schema::Identity identity{};
  identity.issuer = std::move(issuer);
  identity.kind = "github-workflow";
  auto json = schema::ParseJson(claims, {.bytes = 4096});
  REQUIRE(json);
  identity.claims = *std::move(json);
  return identity;
}

TEST_CASE("what is decided, by which rule, and which family and reason the client hears") {
  struct Case {
    const char* name;
    const char* issuer;
    const char* claims;
    const char* key;
    const char* rule;
    const char* family;
    const schema::ErrorKind* refusal;  // nullptr: allowed
  };
  const char* gh = "https://github";
  const char* gl = "https://gitlab";
  const schema::ErrorKind* none = &ca::kPolicyDenied;
  const schema::ErrorKind* deny = &ca::kDenyRule;
  const Case cases[] = {
      {"nothing fits", gh, R"({"repo":"3"})", "ed25519", "default-deny", "default-deny", none},
      {"unknown issuer", "https://x", R"({"repo":"1"})", "ed25519", "default-deny", "default-deny",
       none},
      {"a slash more", "https://gitlab/", "{}", "ed25519", "default-deny", "default-deny", none},
      {"other case", "https://GitLab", "{}", "ed25519", "default-deny", "default-deny", none},
      {"empty issuer", "", "{}", "ed25519", "default-deny", "default-deny", none},
      {"no claims object", gh, "[]", "ed25519", "default-deny", "default-deny", none},
      {"when: all", gl, "{}", "ed25519", "all-lab", "allow-rule", nullptr},
      {"when: all, no object", gl, "[]", "ed25519", "all-lab", "allow-rule", nullptr},
      {"first in file order", gl, R"({"repo":"2"})", "ed25519", "both", "allow-rule", nullptr},
      {"grant.when holds", gh, R"({"repo":"1","environment":"production"})", "ed25519", "release",
       "allow-rule", nullptr},
      {"grant.when fails", gh, R"({"repo":"1","environment":"test"})", "ed25519", "default-deny",
       "default-deny", none},
      {"key forbidden", gh, R"({"repo":"1","environment":"production"})", "ecdsa-p256", "release",
       "key", &ca::kKeyNotAllowed},
      {"another rule takes the key", gh, R"({"repo":1})", "rsa-2048", "both", "allow-rule",
       nullptr},
      {"deny wins", gh, R"({"repo":"1","event_name":"pull_request"})", "ed25519", "no-forks",
       "deny-rule", deny},
      {"deny wins over the key", gh,
       R"({"repo":"1","environment":"production","event_name":"pull_request"})", "rsa-2048",
       "no-forks", "deny-rule", deny},
      {"deny of every issuer", gl, R"({"owner":"evil"})", "ed25519", "nobody-evil", "deny-rule",
       deny},
      {"and of unknown ones", "https://x", R"({"owner":"evil"})", "ed25519", "nobody-evil",
       "deny-rule", deny},
      {"deny of another issuer", gl, R"({"event_name":"pull_request"})", "ed25519", "all-lab",
       "allow-rule", nullptr},
      {"first deny names it", gh, R"({"owner":"evil","event_name":"issue_comment"})", "ed25519",
       "no-forks", "deny-rule", deny},
      {"deny: wrong type is refused", gh, R"({"repo":"2","event_name":{}})", "ed25519", "no-forks",
       "deny-rule", deny},
      {"deny: lost digits are refused", gh, R"({"repo":"2","event_name":1e300})", "ed25519",
       "no-forks", "deny-rule", deny},
      {"deny: missing is no match", gh, R"({"repo":"2","event_name":null})", "ed25519", "both",
       "allow-rule", nullptr},
      {"allow: wrong type is no match", gh, R"({"repo":{"1":1}})", "ed25519", "default-deny",
       "default-deny", none},
      {"expired deny still denies", gh, R"({"repo":"2","legacy":true})", "ed25519", "forgotten",
       "deny-rule", deny},
      {"audit deny has no effect", gh, R"({"repo":"2","runner":"self-hosted"})", "ed25519", "both",
       "allow-rule", nullptr},
      {"audit allow has no effect", gh, R"({"repo":"9"})", "ed25519", "default-deny",
       "default-deny", none},
  };
  const ca::Policy policy = Parse(kPolicy);
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const ca::Decision decision = policy.Decide(Who(c.issuer, c.claims), c.key, kNow);
    CHECK_EQ(decision.rule(), c.rule);
    CHECK_EQ(decision.family(), c.family);
    CHECK_EQ(decision.refusal(), c.refusal);
    CHECK_EQ(decision.allowed(), c.refusal == nullptr);
  }
}

TEST_CASE("a rule counts until the second before its date") {
  const ca::Policy policy = Parse(kPolicy);
  const schema::Identity lab = Who("https://gitlab", "{}");
  const schema::Time end = kNow + std::chrono::hours{24};
  CHECK(policy.Decide(lab, "ed25519", end - std::chrono::seconds{1}).allowed());
  CHECK_FALSE(policy.Decide(lab, "ed25519", end).allowed());
  CHECK_FALSE(policy.Decide(lab, "ed25519", end + std::chrono::hours{1}).allowed());
}

TEST_CASE("a decision shows every rule once, with what each condition found") {
  using Finding = ca::Condition::Finding;
  const ca::Policy policy = Parse(kPolicy);
  const auto decision = policy.Decide(
      Who("https://github", R"({"repo":"1","runner":"self-hosted","event_name":["push"]})"),
      "rsa-2048", kNow);
  const char* ids[] = {"no-forks",    "nobody-evil", "forgotten", "trial-deny", "old",
                       "trial-allow", "release",     "both",      "all-lab"};
  REQUIRE_EQ(decision.checks().size(), std::size(ids));
  for (std::size_t i = 0; i < std::size(ids); ++i) CHECK_EQ(decision.checks()[i].rule, ids[i]);
  const auto& checks = decision.checks();
  CHECK_EQ(checks[0].when, std::vector{Finding::kDiffers});
  CHECK_EQ(checks[1].when, std::vector{Finding::kMissing});
  CHECK(checks[1].applies);
  CHECK(checks[2].expired);
  CHECK(checks[3].Acts());
  CHECK(checks[3].mode == ca::Mode::kAudit);
  CHECK(checks[4].expired);
  CHECK_EQ(checks[4].when, std::vector{Finding::kMatched});
  CHECK_FALSE(checks[4].matched);
  CHECK_FALSE(checks[6].key_allowed);
  CHECK_EQ(checks[6].grant_when, std::vector{Finding::kMissing});
  CHECK_EQ(checks[7].when, std::vector{Finding::kMatched, Finding::kMatched});
  CHECK(checks[7].effect == ca::Effect::kAllow);
  CHECK_FALSE(checks[8].applies);
  CHECK(checks[8].when.empty());
  CHECK_EQ(decision.policy_digest(), schema::TextDigest(kPolicy));
}

TEST_CASE("terms, kind and texts outlive the policy they came from") {
  auto policy = std::make_unique<ca::Policy>(Parse(kPolicy));
  const auto release = policy->Decide(
      Who("https://github", R"({"repo":"1","environment":"production"})"), "ed25519", kNow);
  const auto lab = policy->Decide(Who("https://gitlab", "{}"), "ed25519", kNow);
  policy.reset();
  CHECK_EQ(release.terms().lifetime->count(), 300);
  CHECK_EQ(release.kind(), "github-workflow");  // the identity's own
  CHECK_EQ(release.key_algorithm(), "ed25519");
  CHECK_EQ(lab.kind(), "gitlab-pipeline");  // the policy's
  CHECK_EQ(lab.terms().per_token, 1);
  CHECK_EQ(lab.policy_digest().size(), 64);
}

TEST_CASE("a claim's name is literal, dots and all") {
  const ca::Policy policy =
      Parse("version: 1\nissuers: {i: {url: i}}\nallow: [{id: a, issuer: i, when: {a.b: c}}]\n");
  CHECK(policy.Decide(Who("i", R"({"a.b":"c"})"), "ed25519", kNow).allowed());
  CHECK_FALSE(policy.Decide(Who("i", R"({"a":{"b":"c"}})"), "ed25519", kNow).allowed());
}

TEST_CASE("the shipped example: forks are refused, the release workflow is allowed") {
  const auto text = schema::ReadFile("config/policy.yaml");
  REQUIRE(text);
  const ca::Policy policy = Parse(*text);
  schema::Identity release = Who("https://token.actions.githubusercontent.com", R"({
    "repository_owner_id": "5544123", "repository_id": "821093847", "environment": "production",
    "job_workflow_ref": "corp/workflows/.github/workflows/release.yml@refs/tags/v3",
    "ref": "refs/tags/v1.2.3", "event_name": "push", "runner_environment": "self-hosted"})");
  const auto allowed = policy.Decide(release, "ecdsa-p256", kNow);
  CHECK_EQ(allowed.rule(), "payments-release");
  CHECK_EQ(policy.Decide(release, "rsa-2048", kNow).refusal(), &ca::kKeyNotAllowed);
  release.claims["event_name"] = "pull_request_target";
  CHECK_EQ(policy.Decide(release, "ecdsa-p256", kNow).rule(), "no-fork-events");
  release.claims["event_name"] = "push";
  release.claims["job_workflow_ref"] = "corp/workflows/.github/workflows/release.yml@refs/heads/v3";
  CHECK_EQ(policy.Decide(release, "ecdsa-p256", kNow).rule(), "default-deny");
}

}  // namespace
