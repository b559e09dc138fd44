// What the policy commands are asked about: claims, tokens, issuers, keys and times that people
// type.
#include "ca/asked.h"

#include <doctest/doctest.h>

#include "schema/base/base64.h"
#include "schema/base/limits.h"

namespace {

using schema::Json;

constexpr const char* kPolicy = R"(
version: 1
issuers:
  github: {url: https://token.actions.githubusercontent.com}
  ci: {url: https://ci.example, kind: gitlab-pipeline}
  own: {url: https://own.example}
allow:
  - {id: a, issuer: [github, ci, own], when: all}
)";

// The text, or what is wrong.
template <class T>
std::string Said(const schema::Result<T>& result) {
  if (result) return "";
  CHECK(result.error().Is(ca::kBadInput));
  return result.error().detail;
}

TEST_CASE("claims are one JSON object of a token's size") {
  const std::string large(schema::limits::kTokenBytes, 'x');
  const struct {
    std::string text;
    const char* want;  // how the detail begins; "": taken
  } cases[] = {
      {R"({"sub": "a"})", ""},
      {"{}", ""},
      {"[]", "claims: wanted a JSON object"},
      {"\"sub\"", "claims: wanted a JSON object"},
      {"", "claims: "},
      {"{\"a\": 1, \"a\": 2}", "claims: "},
      {"{\"a\": 1} x", "claims: "},
      {"{\"a\": \"" + large + "\"}", "claims: "},
  };
  for (const auto& c : cases) {
    const std::string shown = c.text.substr(0, 40);
    CAPTURE(shown);
    const std::string said = Said(ca::ReadClaims(c.text));
    CHECK_EQ(said.empty(), std::string_view(c.want).empty());
    CHECK(said.starts_with(c.want));
  }
}

TEST_CASE("the payload of a token is read, whoever signed it") {
  const std::string payload = schema::Base64Url(schema::AsBytes(R"({"sub":"a"})"));
  const struct {
    std::string token;
    const char* want;
  } cases[] = {
      {"e30." + payload + ".sig", ""},
      {" \t\r\n e30." + payload + ".sig\n", ""},
      {"not base64." + payload + ".", ""},  // nobody looks at header and signature here
      {payload, "token: wanted three parts"},
      {"a." + payload, "token: wanted three parts"},
      {"a." + payload + ".b.c", "token: wanted three parts"},
      {"", "token: wanted three parts"},
      {"a.!.c", "token: the payload is not base64url"},
      {"a." + payload + "=.c", "token: the payload is not base64url"},
      {"a.W10.c", "claims: wanted a JSON object"},
      {std::string(schema::limits::kTokenBytes + 1, '.'), "token: larger than"},
  };
  for (const auto& c : cases) {
    const std::string shown = c.token.substr(0, 40);
    CAPTURE(shown);
    const auto claims = ca::ReadUnverifiedPayload(c.token);
    CHECK(Said(claims).starts_with(c.want));
    if (claims) CHECK_EQ(*claims, Json{{"sub", "a"}});
  }
}

TEST_CASE("who asks: the issuer by name, by URL or by the claims, never two of them at odds") {
  const auto policy = ca::Policy::Parse(kPolicy);
  REQUIRE(policy);
  const struct {
    const char* name;
    Json claims;
    const char* issuer;
    std::string want;  // URL, or how the detail begins
    const char* kind;
  } cases[] = {
      {"a short name", {{"sub", "s"}}, "ci", "https://ci.example", "gitlab-pipeline"},
      {"a URL", {{"sub", "s"}}, "https://ci.example", "https://ci.example", "gitlab-pipeline"},
      {"the claims' own",
       {{"iss", "https://ci.example"}},
       "",
       "https://ci.example",
       "gitlab-pipeline"},
      {"both, the same",
       {{"iss", "https://ci.example"}},
       "ci",
       "https://ci.example",
       "gitlab-pipeline"},
      {"a public one's kind is known",
       {{"sub", "s"}},
       "github",
       "https://token.actions.githubusercontent.com",
       "github-workflow"},
      {"a kind that nobody says", {{"sub", "s"}}, "own", "https://own.example", ""},
      {"one that the policy lacks", Json::object(), "https://x.example", "https://x.example", ""},
      {"at odds", {{"iss", "https://own.example"}}, "ci", "the issuer is said to be", ""},
      {"a name that the policy lacks",
       {{"sub", "s"}},
       "githbu",
       "the policy has no issuer 'githbu'; did you mean 'github'?",
       ""},
      {"nobody says", {{"sub", "s"}}, "", "no \"iss\" in the claims", ""},
      {"an iss that is no text", {{"iss", 7}}, "", "no \"iss\" in the claims", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto identity = ca::IdentityOf(*policy, c.claims, c.issuer);
    if (!identity) {
      CHECK(Said(identity).starts_with(c.want));
      continue;
    }
    CHECK_EQ(identity->issuer, c.want);
    CHECK_EQ(identity->kind, c.kind);
    CHECK_EQ(identity->claims, c.claims);
    CHECK_EQ(identity->subject, c.claims.value("sub", ""));
  }
}

TEST_CASE("a key type is one the CA knows") {
  CHECK(ca::CheckKeyName("ecdsa-p256"));
  CHECK(ca::CheckKeyName("ed25519"));
  for (const char* key : {"", "ECDSA-P256", "p256", "ecdsa-p256 "}) {
    CAPTURE(key);
    const auto known = ca::CheckKeyName(key);
    REQUIRE_FALSE(known);
    CHECK_NE(known.error().detail.find("there are ecdsa-p256 "), std::string::npos);
  }
}

}  // namespace
