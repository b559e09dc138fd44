#include "ca/policy_explain.h"

#include <doctest/doctest.h>

#include "ca/asked.h"
#include "ca/text.h"
#include "schema/base/base64.h"
#include "tests/support/test_ca.h"

namespace {

using schema::Json;

constexpr const char* kPolicy = R"(version: 1
issuers: {gh: {url: 'https://gh', kind: github-workflow}, other: {url: 'https://o'}}
deny:
  - {id: forks, issuer: gh, when: {event_name: fork}}
allow:
  - id: release
    issuer: gh
    when: {repository_id: "1", ref: {glob: "refs/tags/*"}, environment: {absent: true}}
    grant: {keys: [ed25519]}
  - {id: others, issuer: other, when: all}
)";

ca::Policy Policy() {
  auto policy = ca::Policy::Parse(kPolicy);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

ca::Asked Ask(Json claims, const char* key = "ed25519") {
  auto identity = ca::IdentityOf(Policy(), std::move(claims), "gh");
  if (!identity) FAIL(identity.error().Describe());
  return {*std::move(identity), key, support::kNow};
}

std::string Tree(const ca::Asked& asked) {
  const std::string text = ca::ExplainText(Policy(), asked);
  return text.substr(text.find("\n\n") + 2);
}

TEST_CASE("the tree of a release") {
  const ca::Asked asked = Ask({{"repository_id", 1}, {"ref", "refs/tags/v1"}, {"sub", "s"}});
  CHECK_EQ(Tree(asked),
           "✗ deny forks (line 4)\n"
           "    ✗ event_name  wanted \"fork\", found missing\n"
           "✓ allow release (line 6)  ← decides\n"
           "    ✓ repository_id  wanted \"1\", found 1\n"
           "    ✓ ref            wanted glob \"refs/tags/*\", found \"refs/tags/v1\"\n"
           "    ✓ environment    wanted absent, found missing\n"
           "    ✓ key wanted ed25519, found ed25519\n"
           "– for other issuers: others\n");
  const Json json = ca::ExplainJson(Policy(), asked);
  CHECK(json["allowed"].get<bool>());
  CHECK_EQ(json["rules"].size(), 3U);
  CHECK_EQ(json["rules"][1]["when"][1]["found"], "\"refs/tags/v1\"");
  CHECK_FALSE(json["rules"][2]["applies"].get<bool>());
}

TEST_CASE("verdicts") {
  const auto verdict = [](Json claims, const char* key) {
    const std::string text = ca::ExplainText(Policy(), Ask(std::move(claims), key));
    return text.substr(0, text.find('\n'));
  };
  const Json release = {{"repository_id", "1"}, {"ref", "refs/tags/v1"}};
  CHECK_EQ(verdict(release, "ed25519"), "allowed by rule 'release'");
  CHECK_EQ(verdict(release, "rsa-2048"), "refused: rule 'release' does not allow this key type");
  CHECK_EQ(verdict({{"event_name", "fork"}}, "ed25519"), "refused by deny rule 'forks'");
  CHECK_EQ(verdict(Json::object(), "ed25519"), "refused: no rule allows it (default-deny)");
}

TEST_CASE("what cannot be judged is said, and strangers' text cannot steer the terminal") {
  const std::string tree = Tree(Ask({{"event_name", {{"a", 1}}},
                                     {"ref",
                                      "\x7f\xc2\x9b"
                                      "31m\xe2\x80\xae"}}));
  CHECK_NE(tree.find("✓ deny forks (line 4)  ← decides"), std::string::npos);
  CHECK_NE(tree.find("found {\"a\":1} (cannot be judged, so it is refused)"), std::string::npos);
  CHECK_NE(tree.find("found \"??31m?\""), std::string::npos);
}

TEST_CASE("Plain") {
  CHECK_EQ(ca::Plain("a é 日 😀"), "a é 日 😀");
  CHECK_EQ(ca::Plain(std::string_view("a\0\n\x1b\x7f", 5)), "a????");
  CHECK_EQ(ca::Plain("\xc2\x80|\xe2\x80\x8b|\xe2\x81\xa6|\xef\xbb\xbf"), "?|?|?|?");
  CHECK_EQ(ca::Plain("\xff|\xc3|\xe2\x80|\xed\xa0\x80|\xf0"), "?|?|??|???|?");
}

TEST_CASE("tokens are read as far as their payload, claims as JSON objects") {
  const auto token = [](std::string_view payload) {
    return "e30." + schema::Base64Url(schema::AsBytes(payload)) + ".sig";
  };
  const auto read = ca::ReadUnverifiedPayload(" " + token(R"({"iss":"x"})") + "\n");
  REQUIRE(read);
  CHECK_EQ((*read)["iss"], "x");
  for (const std::string& bad :
       {std::string(), std::string("a.b"), std::string("a.b.c.d"), std::string("a.!.c"),
        token("[]"), token("{"), token(R"({"a":1,"a":2})"), token("\xff"),
        std::string(20000, 'a') + ".b.c"}) {
    CAPTURE(bad.substr(0, 40));
    const auto got = ca::ReadUnverifiedPayload(bad);
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(ca::kBadInput));
  }
}

TEST_CASE("whose claims they are") {
  CHECK_EQ(Ask(Json::object()).identity.issuer, "https://gh");
  CHECK_EQ(Ask(Json::object()).identity.kind, "github-workflow");
  CHECK_FALSE(ca::IdentityOf(Policy(), Json::object(), ""));
  CHECK_FALSE(ca::IdentityOf(Policy(), {{"iss", "https://o"}}, "gh"));
  CHECK(ca::IdentityOf(Policy(), {{"iss", "https://gh"}}, "gh"));
  CHECK_FALSE(ca::CheckKeyName("dsa"));
  CHECK(ca::CheckKeyName("ecdsa-p256"));
}

}  // namespace
