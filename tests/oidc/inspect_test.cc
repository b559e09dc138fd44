// Each step's failure is told at that step, the others still say what they find, and no text holds
// the token.
#include "oidc/inspect.h"

#include <doctest/doctest.h>

#include "../support/token.h"

namespace {

using schema::Json;
using State = oidc::InspectStep::State;

constexpr schema::Time kNow{std::chrono::seconds{1795255200}};
constexpr const char* kIssuer = "https://token.actions.githubusercontent.com";

oidc::IssuerSet Issuers() {
  std::vector<schema::Error> problems;
  auto set = oidc::LoadIssuers(R"(
oidc-issuers:
  https://token.actions.githubusercontent.com: {client-id: ca, type: github-workflow, jti: required}
)",
                               "/", problems);
  REQUIRE(set);
  return *std::move(set);
}

const oidc::InspectStep* Find(const oidc::Inspection& inspection, std::string_view name) {
  for (const auto& step : inspection.steps) {
    if (step.name == name) return &step;
  }
  return nullptr;
}

// What is wrong with a good token, and at which step alone that must be told.
struct Case {
  std::string_view name;
  std::string_view changes;  // merged over the claims
  std::string_view step;     // "": none
  std::string_view says;
};
const Case kCases[] = {
    {"good", "{}", "", ""},
    {"another issuer", R"({"iss":"https://other.example"})", "issuer", "https://other.example"},
    {"another audience", R"({"aud":"sigstore"})", "audience", "aud is \"sigstore\""},
    {"no audience", R"({"aud":null})", "audience", "audiences are ca"},
    {"expired", R"({"exp":1795255200})", "times", "token-expired"},
    {"too old", R"({"iat":1795250000})", "times", "token-too-old"},
    {"not yet", R"({"nbf":1795259999})", "times", "token-not-yet-valid"},
    {"no exp", R"({"exp":null})", "times", "exp"},
    {"no jti", R"({"jti":null})", "jti", "required"},
    {"a claim is missing", R"({"sha":null})", "mapping", "sha"},
    {"sub of another repository", R"({"sub":"repo:evil/app:ref:x"})", "mapping",
     "sub names another"},
};

}  // namespace

TEST_CASE("a token is told at the step where it fails") {
  const support::TokenMinter minter("ES256");
  const oidc::IssuerSet issuers = Issuers();
  auto parsed = oidc::KeySet::Parse(minter.Jwks());
  REQUIRE(parsed);
  const auto keys = std::make_shared<const oidc::KeySet>(*std::move(parsed));
  const oidc::KeyFinder finder = [&keys](const oidc::Issuer&, const std::string&)
      -> schema::Result<std::shared_ptr<const oidc::KeySet>> { return keys; };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Json claims = support::GithubClaims(kIssuer, "ca", kNow);
    claims.merge_patch(Json::parse(c.changes));
    const std::string token = minter.Mint(claims);
    const oidc::Inspection got = oidc::InspectToken(token, issuers, finder, kNow);
    for (const oidc::InspectStep& step : got.steps) {
      CAPTURE(step.name);
      CAPTURE(step.found);
      CHECK_EQ(step.state == State::kFailed, step.name == c.step);
      CHECK_EQ(step.advice.empty(), step.state != State::kFailed);
      for (std::size_t at = 0; at + 20 < token.size(); at += 20) {
        CHECK_EQ(step.found.find(token.substr(at, 20)), std::string::npos);
      }
    }
    if (c.step.empty()) {
      CHECK_EQ(got.steps.size(), 9);
    } else {
      const auto* step = Find(got, c.step);
      REQUIRE_NE(step, nullptr);
      CHECK_NE(step->found.find(c.says), std::string::npos);
    }
    CHECK_EQ(got.identity.has_value(), c.step != "mapping" && c.step != "issuer");
  }
}

TEST_CASE("shape, header, keys and signature") {
  const support::TokenMinter minter("ES256");
  const oidc::IssuerSet issuers = Issuers();
  const std::string token = minter.Mint(support::GithubClaims(kIssuer, "ca", kNow));
  const auto with = [](const support::TokenMinter& from) -> oidc::KeyFinder {
    auto parsed = oidc::KeySet::Parse(from.Jwks());
    REQUIRE(parsed);
    const auto keys = std::make_shared<const oidc::KeySet>(*std::move(parsed));
    return [keys](const oidc::Issuer&,
                  const std::string&) -> schema::Result<std::shared_ptr<const oidc::KeySet>> {
      return keys;
    };
  };
  const auto failed = [&issuers](std::string_view text, const oidc::KeyFinder& keys) {
    const oidc::Inspection got = oidc::InspectToken(text, issuers, keys, kNow);
    for (const auto& step : got.steps) {
      if (step.state == State::kFailed) return std::string(step.name);
    }
    return std::string();
  };
  CHECK_EQ(failed("", with(minter)), "shape");
  CHECK_EQ(failed("a.b", with(minter)), "shape");
  CHECK_EQ(failed(token + "=", with(minter)), "shape");
  const std::string none = minter.MintRaw(R"({"alg":"none"})", R"({"iss":"x"})");
  CHECK_EQ(failed(none, with(minter)), "header");
  const std::string jku = minter.MintRaw(R"({"alg":"ES256","jku":"https://x"})", R"({"iss":"x"})");
  CHECK_EQ(failed(jku, with(minter)), "header");
  CHECK_EQ(failed(token, with(support::TokenMinter("ES256"))), "signature");
  CHECK_EQ(failed(token, with(support::TokenMinter("ES256", "another"))), "key");
  CHECK_EQ(failed(token, with(support::TokenMinter("RS256"))), "key");
  CHECK_EQ(failed(token, with(minter)), "");

  const oidc::Inspection offline = oidc::InspectToken(token, issuers, {}, kNow);
  REQUIRE_NE(Find(offline, "signature"), nullptr);
  CHECK(Find(offline, "signature")->state == State::kUnchecked);
  CHECK_NE(Find(offline, "signature")->found.find("not checked"), std::string::npos);
  CHECK(offline.identity.has_value());
}
