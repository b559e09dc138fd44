#include "ca/events.h"

#include <doctest/doctest.h>

#include "ca/budgets.h"
#include "schema/base/limits.h"
#include "tests/ca/samples.h"

namespace {

using schema::Json;

constexpr schema::TimeMs kTime{std::chrono::milliseconds(1795255200123)};
constexpr const char* kPolicy = R"(
version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
deny:
  - {id: trial, mode: audit, issuer: gh, when: {repository: acme/app}}
allow:
  - {id: acme, issuer: gh, when: {repository: acme/app}}
)";

// The event, which has to be in canonical form.
Json Read(const schema::Result<ca::EventText>& event, std::optional<std::uint64_t> index) {
  REQUIRE(event);
  const std::string text(schema::AsText(event->At(kTime, index)));
  Json read = Json::parse(text);
  CHECK_EQ(read.dump(), text);
  CHECK_LE(text.size(), schema::limits::kEventBytes);
  return read;
}

schema::Identity WithClaims(Json claims) {
  schema::Identity identity = samples::Github();
  claims["repository"] = "acme/app";
  identity.claims = std::move(claims);
  return identity;
}

Json Granted(const schema::Identity& identity, const std::vector<std::string>& redact = {}) {
  const auto policy = ca::Policy::Parse(kPolicy);
  REQUIRE(policy);
  const ca::Decision decision = policy->Decide(identity, "ecdsa-p256", support::kNow);
  CHECK(decision.allowed());
  return Read(ca::GrantedEvent(identity, samples::ProvenKey(), decision, ca::Chain{}, {},
                               samples::kSerial, redact, {"r1", "192.0.2.7"}),
              7);
}

TEST_CASE("a granted event says who, what, and by which rule") {
  schema::Identity identity = WithClaims({{"run", 7}, {"secret", "s"}, {"jti", "j"}, {"on", true}});
  identity.shared_audience = true;
  const Json event = Granted(identity, {"secret"});
  CHECK_EQ(event["type"], "granted");
  CHECK_EQ(event["leaf_index"], 7);
  CHECK_EQ(event["rule"], "acme");
  CHECK_EQ(event["rules"], 2);
  CHECK_EQ(event["family"], "allow-rule");
  CHECK_EQ(event["checks"].size(), 2);
  CHECK_EQ(event["checks"][0].dump(),
           R"({"effect":"deny","matched":true,"mode":"audit","rule":"trial","when":"m"})");
  CHECK_EQ(event["would_deny"], Json({"trial"}));
  CHECK_FALSE(event.contains("would_allow"));
  CHECK_EQ(event["shared_audience"], true);
  CHECK_EQ(event["serial"], schema::Hex(samples::kSerial));
  CHECK_EQ(event["claims"], Json({{"run", 7},
                                  {"secret", "(redacted)"},
                                  {"jti", "(redacted)"},
                                  {"on", true},
                                  {"repository", "acme/app"}}));
}

TEST_CASE("claims are capped, and what is left out is said in its place") {
  const std::string kilo(1000, 'x'), large(5000, 'y');
  Json many = Json::object();
  for (int i = 0; i < 60; ++i) many["c" + std::to_string(i)] = kilo;
  Json foreign = many;
  foreign["名"] = "behind the mark";
  const struct {
    const char* name;
    Json claims;
    bool more;
  } cases[] = {
      {"few", {{"a", "b"}}, false},
      {"one long text", {{"a", large}}, false},
      {"one long list", {{"a", Json(std::vector<std::string>(9, kilo))}}, false},
      {"a long name", {{large, 1}}, true},
      {"many", many, true},
      {"many, and a name that sorts behind the mark", foreign, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const Json claims = Granted(WithClaims(c.claims))["claims"];
    CHECK_EQ(claims.contains("…"), c.more);
    CHECK_LT(claims.dump().size(), 27'000);
    for (const auto& [name, value] : claims.items()) {
      if (value.is_string()) CHECK_LE(value.get<std::string>().size(), 1024 + 3);
    }
  }
}

TEST_CASE("a denied event says what was denied by whom") {
  const schema::Identity identity = WithClaims({});
  const struct {
    const char* name;
    schema::Error error;
    const char* family;
    bool budget;
  } cases[] = {
      {"no rule", {&ca::kPolicyDenied, "default-deny"}, nullptr, false},
      {"a budget", {&ca::kBudgetExhausted, "per-run: 3"}, "budget", true},
      {"no run to count by", {&ca::kRunUnknown, ""}, "budget", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const Json event =
        Read(ca::DeniedEvent(c.error, identity, nullptr, {}, {"r1", "192.0.2.7"}), std::nullopt);
    CHECK_EQ(event["type"], "denied");
    CHECK_EQ(event["reason"], c.error.kind->id);
    CHECK_EQ(event.value("family", ""), c.family == nullptr ? "" : c.family);
    CHECK_EQ(event.contains("budget"), c.budget);
    CHECK_EQ(event.contains("detail"), !c.error.detail.empty());
    CHECK_FALSE(event.contains("leaf_index"));
  }
}

TEST_CASE("an issued event names the certificate and the signature") {
  const Json event = Read(ca::IssuedEvent(schema::AsBytes("certificate"), {{}, "0042", 3},
                                          std::chrono::microseconds(60), {"r1", "192.0.2.7"}),
                          7);
  CHECK_EQ(event["certificate_sha256"], schema::TextDigest("certificate"));
  CHECK_EQ(event["token_serial"], "0042");
  CHECK_EQ(event["signer_run"], 3);
  CHECK_EQ(event["signature_microseconds"], 60);
  CHECK_EQ(event["request_id"], "r1");
}

}  // namespace
