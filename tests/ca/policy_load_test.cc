// What a policy file may say, and what is said of one that cannot be used.
#include <doctest/doctest.h>

#include "ca/policy.h"
#include "schema/base/limits.h"

namespace {

using std::chrono::seconds;

constexpr const char* kHead =
    "version: 1\nissuers:\n  i: {url: https://i}\n  j: {url: https://j}\n";

schema::Result<ca::Policy> Allow(const std::string& rule) {
  return ca::Policy::Parse(kHead + ("allow:\n  - {" + rule + "}\n"));
}

TEST_CASE("every key of a rule arrives") {
  const auto policy = Allow(
      "id: a, description: d, owner: o, ticket: 17, expires: 2027-06-30, mode: audit, issuer: [j, "
      "i],"
      "when: {c: d}, grant: {per-token: 2, per-run: 3, per-identity: {count: 100, within: 1h},"
      "keys: [ed25519, ecdsa-p256], lifetime: 5m, when: {e: {absent: true}}}");
  if (!policy) FAIL(policy.error().Describe());
  REQUIRE_EQ(policy->allow().size(), 1);
  const ca::Rule& rule = policy->allow().front();
  CHECK_EQ(rule.id, "a");
  CHECK_EQ(rule.description, "d");
  CHECK_EQ(rule.owner, "o");
  CHECK_EQ(rule.ticket, "17");
  REQUIRE(rule.expires);
  CHECK_EQ(schema::Rfc3339(*rule.expires), "2027-06-30T00:00:00Z");
  CHECK(rule.mode == ca::Mode::kAudit);
  CHECK(rule.effect == ca::Effect::kAllow);
  CHECK_EQ(rule.issuers, std::vector<std::string>{"https://j", "https://i"});
  CHECK_EQ(rule.line, 6);
  CHECK_FALSE(rule.all);
  REQUIRE_EQ(rule.when.size(), 1);
  CHECK_EQ(rule.when[0].claim(), "c");
  CHECK_EQ(rule.when[0].line(), 6);
  CHECK_EQ(rule.grant.per_token, 2);
  CHECK_EQ(rule.grant.per_run, 3);
  REQUIRE(rule.grant.per_identity);
  CHECK_EQ(rule.grant.per_identity->count, 100);
  CHECK_EQ(rule.grant.per_identity->within.count(), 3600);
  CHECK_EQ(rule.grant.keys, std::vector<std::string>{"ed25519", "ecdsa-p256"});
  CHECK_EQ(rule.grant.lifetime->count(), 300);
  CHECK_EQ(rule.grant.when.size(), 1);
}

TEST_CASE("what is not said has its default") {
  const auto policy = Allow("id: a, issuer: i, when: all");
  REQUIRE(policy);
  const ca::Rule& rule = policy->allow().front();
  CHECK(rule.all);
  CHECK(rule.when.empty());
  CHECK(rule.mode == ca::Mode::kEnforce);
  CHECK_FALSE(rule.expires);
  CHECK_EQ(rule.grant.per_token, 1);
  CHECK_FALSE(rule.grant.per_run);
  CHECK_FALSE(rule.grant.per_identity);
  CHECK_FALSE(rule.grant.lifetime);
  CHECK(rule.grant.AllowsKey("rsa-4096"));
  CHECK(policy->deny().empty());
  CHECK(policy->issuers()[0].kind.empty());
}

TEST_CASE("a closed CA and one without an owner for every rule are policies") {
  CHECK(ca::Policy::Parse(std::string(kHead) + "allow: []\n"));
  CHECK(ca::Policy::Parse(std::string(kHead) + "deny: [{id: stop, when: all}]\nallow: []\n"));
}

struct Bad {
  const char* name;
  std::string rule;  // members of an allow rule in flow style, which stands in line 6
  const char* want;
};

TEST_CASE("a rule that cannot be used is refused with key path, line and reason") {
  const Bad cases[] = {
      {"no id", "issuer: i, when: all", "line 6: allow[0]: 'id' is missing"},
      {"empty id", "id: '', issuer: i, when: all", "line 6: allow[0].id: wanted 1 to 64 letters"},
      {"id with space", "id: a b, issuer: i, when: all", "allow[0].id: wanted 1 to 64"},
      {"reserved id", "id: default-deny, issuer: i, when: all", "allow[0].id: this id is reserved"},
      {"no issuer", "id: a, when: all", "allow[0]: 'issuer' is missing"},
      {"unknown issuer", "id: a, issuer: k, when: all",
       "line 6: allow[0].issuer: 'k' is not a name under `issuers`"},
      {"issuer's url", "id: a, issuer: 'https://i', when: all", "is not a name under `issuers`"},
      {"no issuers", "id: a, issuer: [], when: all", "at least one issuer"},
      {"issuer twice", "id: a, issuer: [i, i], when: all", "'i' is there twice"},
      {"no when", "id: a, issuer: i", "allow[0]: 'when' is missing"},
      {"empty when", "id: a, issuer: i, when: {}", "line 6: allow[0].when: wanted `all`, or a map"},
      {"null when", "id: a, issuer: i, when: ", "allow[0].when: wanted `all`"},
      {"when: any", "id: a, issuer: i, when: any", "allow[0].when: wanted `all`"},
      {"when: list", "id: a, issuer: i, when: [all]", "allow[0].when: wanted `all`"},
      {"empty claim name", "id: a, issuer: i, when: {\"\": b}", "wanted a claim's name"},
      {"unknown key", "id: a, issuer: i, wen: all",
       "allow[0].wen: unknown key; did you mean 'when'?"},
      {"no such day", "id: a, issuer: i, when: all, expires: 2027-02-30",
       "line 6: allow[0].expires: there is no day 2027-02-30"},
      {"not a date", "id: a, issuer: i, when: all, expires: soon", "wanted a date such as"},
      {"date as number", "id: a, issuer: i, when: all, expires: 20270630", "wanted a date such as"},
      {"date with time", "id: a, issuer: i, when: all, expires: 2027-06-30T00", "wanted a date"},
      {"signed date", "id: a, issuer: i, when: all, expires: 2027-+6-30", "wanted a date"},
      {"bad mode", "id: a, issuer: i, when: all, mode: dry-run",
       "allow[0].mode: wanted enforce or"},
      {"empty grant", "id: a, issuer: i, when: all, grant: {}", "allow[0].grant: wanted a map"},
      {"unknown grant", "id: a, issuer: i, when: all, grant: {per-jti: 2}",
       "grant.per-jti: unknown"},
      {"per-token 0", "id: a, issuer: i, when: all, grant: {per-token: 0}",
       "line 6: allow[0].grant.per-token: must be from 1 to 16, found 0"},
      {"per-token 17", "id: a, issuer: i, when: all, grant: {per-token: 17}", "from 1 to 16"},
      {"per-run 1001", "id: a, issuer: i, when: all, grant: {per-run: 1001}", "from 1 to 1000"},
      {"per-run text", "id: a, issuer: i, when: all, grant: {per-run: '3'}",
       "wanted a whole number"},
      {"rate without time", "id: a, issuer: i, when: all, grant: {per-identity: {count: 1}}",
       "within"},
      {"rate without count", "id: a, issuer: i, when: all, grant: {per-identity: {within: 1h}}",
       "count"},
      {"rate as number", "id: a, issuer: i, when: all, grant: {per-identity: 3}",
       "per-identity: wanted a map"},
      {"rate too many",
       "id: a, issuer: i, when: all, grant: {per-identity: {count: 100001, within: 1h}}",
       "from 1 to 100000"},
      {"rate too short",
       "id: a, issuer: i, when: all, grant: {per-identity: {count: 1, within: 59s}}",
       "per-identity.within: must be whole seconds from 1m to 24h, found 59s"},
      {"rate too long",
       "id: a, issuer: i, when: all, grant: {per-identity: {count: 1, within: 25h}}",
       "from 1m to 24h"},
      {"no keys", "id: a, issuer: i, when: all, grant: {keys: []}", "grant.keys: wanted a list"},
      {"unknown key type", "id: a, issuer: i, when: all, grant: {keys: [p256]}",
       "allow[0].grant.keys[0]: 'p256' is not one of ecdsa-p256"},
      {"key type twice", "id: a, issuer: i, when: all, grant: {keys: [ed25519, ed25519]}", "twice"},
      {"lifetime short", "id: a, issuer: i, when: all, grant: {lifetime: 30s}", "from 1m to 24h"},
      {"lifetime odd", "id: a, issuer: i, when: all, grant: {lifetime: 60001ms}", "whole seconds"},
      {"lifetime text", "id: a, issuer: i, when: all, grant: {lifetime: short}",
       "wanted a duration"},
      {"grant.when all", "id: a, issuer: i, when: all, grant: {when: all}",
       "grant.when: wanted a map"},
      {"bad regex", "id: a, issuer: i, when: {ref: {regex: '('}}",
       "line 6: allow[0].when.ref.regex"},
      {"owner too long", "id: a, issuer: i, when: all, owner: " + std::string(1025, 'o'),
       "1024 octets"},
  };
  for (const Bad& c : cases) {
    CAPTURE(c.name);
    const auto policy = Allow(c.rule);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().Is(ca::kBadPolicy));
    CAPTURE(policy.error().detail);
    CHECK_NE(policy.error().detail.find(c.want), std::string::npos);
    CHECK_NE(policy.error().detail.find("line 6"), std::string::npos);
  }
}

TEST_CASE("a file that is no policy is refused with its place") {
  const std::string head = kHead;
  const Bad cases[] = {
      {"empty", "", "wanted a map"},
      {"a list", "- a\n", "wanted a map"},
      {"not YAML", "version: [1\n", "line"},
      {"no version", "issuers: {i: {url: u}}\nallow: []\n", "version"},
      {"version 2", "version: 2\nissuers: {i: {url: u}}\nallow: []\n", "line 1: version: must be"},
      {"no issuers", "version: 1\nallow: []\n", "issuers"},
      {"zero issuers", "version: 1\nissuers: {}\nallow: []\n", "line 2: issuers: wanted a map"},
      {"the old shape", "version: 1\nissuers:\n  https://i: {allow: all}\n", "line 3: issuers"},
      {"long name", "version: 1\nissuers: {" + std::string(65, 'n') + ": {url: u}}\nallow: []\n",
       "wanted a short name"},
      {"no url", "version: 1\nissuers: {i: {}}\nallow: []\n", "issuers.i: 'url' is missing"},
      {"empty url", "version: 1\nissuers: {i: {url: ''}}\nallow: []\n",
       "issuers.i.url: wanted the"},
      {"wildcard", "version: 1\nissuers: {i: {url: 'https://*.i'}}\nallow: []\n", "a wildcard"},
      {"unknown kind", "version: 1\nissuers: {i: {url: u, kind: github}}\nallow: []\n",
       "issuers.i.kind: 'github' is not one of buddy-pipeline"},
      {"same url", "version: 1\nissuers:\n  i: {url: u}\n  j: {url: u}\nallow: []\n",
       "line 4: issuers.j: another name"},
      {"no allow", head, "allow"},
      {"allow is a map", head + "allow: {}\n", "line 5: allow: wanted a list of rules"},
      {"null deny", head + "deny:\nallow: []\n", "deny: wanted a list of rules"},
      {"rule as text", head + "allow: [all]\n", "allow[0]: wanted a rule"},
      {"unknown key", head + "allow: []\ndenies: []\n", "line 6: denies: unknown key"},
      {"deny with grant", head + "deny: [{id: a, when: all, grant: {per-run: 1}}]\nallow: []\n",
       "deny[0].grant: only allow rules grant"},
      {"same id",
       head + "allow:\n  - {id: a, issuer: i, when: all}\n  - {id: a, issuer: j, when: all}\n",
       "line 7: allow[1].id: another rule has the id 'a'"},
      {"same id over the lists",
       head + "deny: [{id: a, when: all}]\nallow: [{id: a, issuer: i, when: all}]\n",
       "line 6: allow[0].id: another rule"},
  };
  for (const Bad& c : cases) {
    CAPTURE(c.name);
    const auto policy = ca::Policy::Parse(c.rule);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().Is(ca::kBadPolicy));
    CAPTURE(policy.error().detail);
    CHECK_NE(policy.error().detail.find(c.want), std::string::npos);
  }
}

std::string Rules(std::size_t count, const std::string& when) {
  std::string out = std::string(kHead) + "allow:\n";
  for (std::size_t i = 0; i < count; ++i) {
    out += "  - {id: r" + std::to_string(i) + ", issuer: i, when: {c: " + when + "}}\n";
  }
  return out;
}

TEST_CASE("lists have limits") {
  using namespace schema::limits;
  CHECK(ca::Policy::Parse(Rules(kPolicyRules, "d")));
  CHECK_FALSE(ca::Policy::Parse(Rules(kPolicyRules + 1, "d")));
  CHECK(ca::Policy::Parse(Rules(kPolicyRegexes, "{regex: a+}")));
  CHECK_FALSE(ca::Policy::Parse(Rules(kPolicyRegexes + 1, "{regex: a+}")));
}

}  // namespace
