// Key sets and OpenID configurations, as issuers write them and as an attacker would.
#include "oidc/jwks.h"

#include <doctest/doctest.h>

#include "oidc/discovery.h"
#include "oidc/verifier.h"
#include "schema/base/base64.h"
#include "schema/base/limits.h"
#include "tests/support/token.h"

namespace {

using schema::Json;
using support::TokenMinter;

std::string Numbers(std::size_t size, std::uint8_t first, std::uint8_t last) {
  schema::Bytes octets(size, 0x5a);
  octets.front() = first;
  octets.back() = last;
  return schema::Base64Url(octets);
}

std::string SetOf(std::initializer_list<Json> keys) {
  return Json{{"keys", Json(std::vector<Json>(keys))}}.dump();
}

TEST_CASE("keys that cannot be used are skipped, the others serve") {
  const TokenMinter rsa("RS256", "rsa"), ec("ES256", "ec"), ed("EdDSA", "ed");
  const auto with = [](Json jwk, const char* name, Json value) {
    jwk[name] = std::move(value);
    return jwk;
  };
  const auto without = [](Json jwk, const char* name) {
    jwk.erase(name);
    return jwk;
  };
  const Json r = rsa.Jwk(), e = ec.Jwk(), d = ed.Jwk();
  const struct {
    const char* name;
    Json jwk;
    bool usable;
  } cases[] = {
      {"rsa", r, true},
      {"ec", e, true},
      {"ed", d, true},
      {"no alg, no use", without(without(r, "alg"), "use"), true},
      {"no kid", without(r, "kid"), true},
      {"verify", with(e, "key_ops", {"verify"}), true},
      {"a certificate besides", with(r, "x5c", {"MIIB"}), true},
      {"leading zero of the modulus", with(without(r, "alg"), "n", Numbers(256, 0x80, 1)), true},
      {"for encryption", with(r, "use", "enc"), false},
      {"use a number", with(r, "use", 1), false},
      {"sign only", with(e, "key_ops", {"sign"}), false},
      {"key_ops a string", with(e, "key_ops", "verify"), false},
      {"alg of another type", with(e, "alg", "RS256"), false},
      {"alg of another curve", with(e, "alg", "ES384"), false},
      {"alg none", with(r, "alg", "none"), false},
      {"alg HMAC", with(r, "alg", "HS256"), false},
      {"alg for encryption", with(r, "alg", "RSA-OAEP"), false},
      {"alg a number", with(r, "alg", 1), false},
      {"kid an object", with(r, "kid", Json::object()), false},
      {"kid too long", with(r, "kid", std::string(1025, 'k')), false},
      {"symmetric", Json{{"kty", "oct"}, {"k", "AAAA"}, {"kid", "k"}}, false},
      {"private part", with(r, "d", "AQAB"), false},
      {"private part of a curve", with(e, "d", "AQAB"), false},
      {"no kty", without(r, "kty"), false},
      {"kty in lower case", with(r, "kty", "rsa"), false},
      {"kty of another key", with(r, "kty", "EC"), false},
      {"no modulus", without(r, "n"), false},
      {"modulus padded", with(r, "n", r["n"].get<std::string>() + "=="), false},
      {"modulus a number", with(r, "n", 7), false},
      {"modulus even", with(r, "n", Numbers(256, 0x80, 2)), false},
      {"modulus of 1024 bits", with(r, "n", Numbers(128, 0x80, 1)), false},
      {"modulus of 2047 bits", with(r, "n", Numbers(256, 0x7f, 1)), false},
      {"modulus of 8192 bits", with(r, "n", Numbers(1024, 0x80, 1)), true},
      {"modulus of 8200 bits", with(r, "n", Numbers(1025, 0x80, 1)), false},
      {"modulus zero", with(r, "n", Numbers(256, 0, 0)), false},
      {"exponent 1", with(r, "e", "AQ"), false},
      {"exponent 3", with(r, "e", "Aw"), false},
      {"exponent even", with(r, "e", "AQAC"), false},
      {"exponent of 40 bits", with(r, "e", "AQAAAAE"), false},
      {"exponent zero", with(r, "e", "AAAA"), false},
      {"other curve", with(e, "crv", "secp256k1"), false},
      {"curve absent", without(e, "crv"), false},
      {"curve of another size", with(without(e, "alg"), "crv", "P-384"), false},
      {"point off the curve", with(e, "y", e["x"]), false},
      {"coordinate short", with(e, "x", Numbers(31, 1, 1)), false},
      {"coordinate long", with(e, "x", Numbers(33, 0, 1)), false},
      {"point zero",
       with(with(e, "x", schema::Base64Url(schema::Bytes(32))), "y",
            schema::Base64Url(schema::Bytes(32))),
       false},
      {"Ed25519 short", with(d, "x", Numbers(31, 1, 1)), false},
      {"X25519", with(without(d, "alg"), "crv", "X25519"), false},
      {"Ed448", with(without(d, "alg"), "crv", "Ed448"), false},
      {"not an object", Json("key"), false},
      {"null", Json(), false},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.name));
    const auto keys = oidc::KeySet::Parse(SetOf({c.jwk, rsa.Jwk()}));
    REQUIRE(keys);
    CHECK_EQ(keys->size(), c.usable ? 2 : 1);
    CHECK_EQ(keys->skipped().size(), c.usable ? 0 : 1);
    for (const auto& reason : keys->skipped()) CHECK_FALSE(reason.empty());
  }
}

TEST_CASE("documents that are no key set") {
  const std::string one = TokenMinter("ES256").Jwk().dump();
  std::string many = "{\"keys\":[";
  for (std::size_t i = 0; i <= schema::limits::kJwksKeys; ++i)
    many += std::string(i == 0 ? "" : ",") + "{}";
  many += "]}";
  const std::string bad[] = {
      "",
      "null",
      "[]",
      "{}",
      one,
      "[" + one + "]",
      R"({"keys":{}})",
      R"({"keys":null})",
      R"({"Keys":[]})",
      R"({"keys":[],"keys":[]})",
      "{\"keys\":[" + one + "]",
      "{\"keys\":[" + one + "]}x",
      many,
      "{\"keys\":[],\"x\":\"" + std::string(1 << 20, 'x') + "\"}",
      std::string(1 << 20, '['),
      "{\"keys\":[" + std::string(64, '[') + std::string(64, ']') + "]}",
      "<html>404</html>",
      "{\"keys\":[],\"x\":\"\xff\"}",
  };
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 60));
    const auto keys = oidc::KeySet::Parse(text);
    REQUIRE_FALSE(keys);
    CHECK(keys.error().Is(oidc::kBadJwks));
  }
  CHECK(oidc::KeySet::Parse(R"({"keys":[]})"));  // an issuer that withdrew its keys
}

TEST_CASE("Select") {
  const TokenMinter a("RS256", "same"), b("RS256", "same"), c("ES256", "same"), d("ES256", "d");
  auto keys = oidc::KeySet::Parse(support::JwksOf({&a, &b, &c, &d}));
  REQUIRE(keys);
  const auto* rs256 = oidc::FindAlgorithm("RS256");
  const auto* es256 = oidc::FindAlgorithm("ES256");
  const auto* eddsa = oidc::FindAlgorithm("EdDSA");
  const auto count = [&](const char* kid, const oidc::Algorithm* alg) {
    const auto got = keys->Select(kid, *alg);
    return got ? std::to_string(got->size()) : std::string(got.error().kind->id);
  };
  CHECK_EQ(count("same", rs256), "2");
  CHECK_EQ(count("same", es256), "1");
  CHECK_EQ(count("d", es256), "1");
  CHECK_EQ(count("d", rs256), "token-algorithm");
  CHECK_EQ(count("D", es256), "key-unknown");
  CHECK_EQ(count("", es256), "2");
  CHECK_EQ(count("", eddsa), "token-algorithm");
  CHECK_EQ(count("../same", rs256), "key-unknown");
  keys->RestrictTo({es256});
  CHECK_EQ(count("same", es256), "1");
  CHECK_EQ(count("same", rs256), "token-algorithm");
}

TEST_CASE("a token without kid costs a bounded number of verifications") {
  Json list = Json::array();
  const TokenMinter minter("ES256", "k");
  for (std::size_t i = 0; i <= oidc::kCandidatesMax; ++i) {
    Json jwk = minter.Jwk();
    jwk["kid"] = std::to_string(i);
    list.push_back(jwk);
  }
  const auto keys = oidc::KeySet::Parse(Json{{"keys", list}}.dump());
  REQUIRE(keys);
  const auto got = keys->Select("", *oidc::FindAlgorithm("ES256"));
  REQUIRE_FALSE(got);
  CHECK(got.error().Is(oidc::kKeyUnknown));
  CHECK(keys->Select("3", *oidc::FindAlgorithm("ES256")));
}

// An issuer as the loader makes it.
std::shared_ptr<const oidc::Issuer> MakeIssuer(const std::string& url, bool pattern) {
  std::vector<schema::Error> problems;
  const std::string text =
      (pattern ? "meta-issuers:\n  " : "oidc-issuers:\n  ") + url + ":\n" +
      (pattern ? "" : "    issuer-url: " + url + "\n") +
      "    client-id: sigstore\n    type: buildkite-job\n    allow-http: true\n";
  const auto set = oidc::LoadIssuers(text, "/", problems);
  REQUIRE_MESSAGE(set, set.error().Describe());
  return pattern ? set->patterns.at(0) : set->exact.begin()->second;
}

TEST_CASE("DiscoveryUrl drops one slash") {
  CHECK_EQ(oidc::DiscoveryUrl("https://a.example"),
           "https://a.example/.well-known/openid-configuration");
  CHECK_EQ(oidc::DiscoveryUrl("https://a.example/"),
           "https://a.example/.well-known/openid-configuration");
  CHECK_EQ(oidc::DiscoveryUrl("https://a.example/x//"),
           "https://a.example/x//.well-known/openid-configuration");
}

TEST_CASE("where keys may be") {
  const struct {
    const char* issuer;  // also the pattern, with * at its end
    const char* jwks_uri;
    bool exact, pattern;
  } cases[] = {
      {"https://ci.example/a", "https://ci.example/a/jwks", true, true},
      {"https://ci.example/a", "https://ci.example/other", true, true},
      {"https://ci.example/a", "https://CI.example/a/jwks", true, false},
      {"https://ci.example/a", "https://keys.example/jwks", true, false},
      {"https://ci.example/a", "https://sub.ci.example/jwks", true, false},
      {"https://ci.example/a", "https://ci.example.evil.example/jwks", true, false},
      {"https://ci.example/a", "https://ci.example:8443/jwks", true, false},
      {"https://ci.example/a", "http://ci.example/jwks", false, false},
      {"https://ci.example/a", "https://user@ci.example/jwks", false, false},
      {"https://ci.example/a", "https://ci.example@evil.example/jwks", false, false},
      {"https://ci.example/a", "https://169.254.169.254/jwks", false, false},
      {"https://ci.example/a", "https://[::1]/jwks", false, false},
      {"https://ci.example/a", "https://2130706433/jwks", false, false},
      {"https://ci.example/a", "https://0x7f.1/jwks", false, false},
      {"https://ci.example/a", "https://localhost/jwks", false, false},
      {"https://ci.example/a", "https://a.LOCALHOST./jwks", false, false},
      {"https://ci.example/a", "https://vault.internal/jwks", false, false},
      {"https://ci.example/a", "file:///etc/passwd", false, false},
      {"https://ci.example/a", "gopher://ci.example/", false, false},
      {"https://ci.example/a", "//ci.example/jwks", false, false},
      {"https://ci.example/a", "/jwks", false, false},
      {"https://ci.example/a", "", false, false},
      {"https://ci.example/a", "https:///jwks", false, false},
      {"https://ci.example/a", "https://ci.example/a\nb", false, false},
      {"http://ci.example/a", "http://ci.example/jwks", true, true},
      {"http://ci.example/a", "https://ci.example/jwks", true, false},
      {"http://127.0.0.1:8080/a", "http://127.0.0.1:8080/jwks", true, true},
      {"http://127.0.0.1:8080/a", "http://127.0.0.1:9090/jwks", true, false},
      {"http://127.0.0.1:8080/a", "http://127.0.0.2:8080/jwks", false, false},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.jwks_uri));
    const std::string text = Json{{"issuer", c.issuer}, {"jwks_uri", c.jwks_uri}}.dump();
    CHECK_EQ(oidc::ParseDiscovery(text, *MakeIssuer(c.issuer, false), c.issuer).has_value(),
             c.exact);
    std::string pattern(c.issuer);
    pattern.back() = '*';
    CHECK_EQ(
        oidc::ParseDiscovery(text, *MakeIssuer("\"" + pattern + "\"", true), c.issuer).has_value(),
        c.pattern);
  }
}

TEST_CASE("an OpenID configuration is the issuer's own or refused") {
  const std::string url = "https://ci.example/a";
  const auto issuer = MakeIssuer(url, false);
  const std::string uri = R"("jwks_uri":"https://ci.example/jwks")";
  const struct {
    std::string text;
    bool good;
  } cases[] = {
      {R"({"issuer":"https://ci.example/a",)" + uri + "}", true},
      {R"({"issuer":"https://ci.example/a/",)" + uri + "}", false},
      {R"({"issuer":"https://CI.example/a",)" + uri + "}", false},
      {R"({"issuer":"https://evil.example/a",)" + uri + "}", false},
      {R"({"issuer":["https://ci.example/a"],)" + uri + "}", false},
      {R"({"issuer":"https://evil.example","issuer":"https://ci.example/a",)" + uri + "}", false},
      {"{" + uri + "}", false},
      {R"({"issuer":"https://ci.example/a"})", false},
      {R"({"issuer":"https://ci.example/a","jwks_uri":["https://ci.example/jwks"]})", false},
      {R"({"issuer":"https://ci.example/a","jwks_uri":"https://ci.example/)" +
           std::string(3000, 'x') + "\"}",
       false},
      {"[]", false},
      {"", false},
      {"{\"x\":\"" + std::string(1 << 20, 'x') + "\"}", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text.substr(0, 80));
    const auto got = oidc::ParseDiscovery(c.text, *issuer, url);
    CHECK_EQ(got.has_value(), c.good);
    if (!got) CHECK(got.error().Is(oidc::kBadDiscovery));
  }
}

TEST_CASE("the algorithms an issuer says it signs with") {
  const std::string url = "https://ci.example/a";
  const auto issuer = MakeIssuer(url, false);
  const auto listed = [&](Json list) {
    const Json document{{"issuer", url},
                        {"jwks_uri", url + "/jwks"},
                        {"id_token_signing_alg_values_supported", std::move(list)}};
    const auto got = oidc::ParseDiscovery(document.dump(), *issuer, url);
    return got ? std::to_string(got->algorithms.size()) : "refused";
  };
  CHECK_EQ(listed({"RS256"}), "1");
  CHECK_EQ(listed({"RS256", "none", "HS256", "ES256", "RS256"}), "2");
  CHECK_EQ(listed(Json::array()), "0");
  CHECK_EQ(listed({"none", "HS256"}), "refused");
  CHECK_EQ(listed("RS256"), "refused");
}

}  // namespace
