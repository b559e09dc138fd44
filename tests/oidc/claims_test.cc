// Audience and times of a token whose signature verified.
#include "oidc/claims.h"

#include <doctest/doctest.h>

#include "oidc/verifier.h"

namespace {

using schema::Json;

constexpr std::int64_t kSeconds = 1795255200;  // 2026-11-21T10:00:00Z
constexpr schema::Time kNow{std::chrono::seconds{kSeconds}};
const std::string kIss = "https://ci.example";

oidc::Issuer MakeIssuer() {
  oidc::Issuer issuer{};
  issuer.url = kIss;
  issuer.audiences = {"sigstore", "https://ca.example"};
  issuer.skew = std::chrono::seconds{30};
  issuer.max_token_age = std::chrono::seconds{600};
  return issuer;
}

std::string Check(const Json& claims, const oidc::Issuer& issuer = MakeIssuer()) {
  const auto got = oidc::CheckClaims(issuer, kIss, claims, kNow);
  return got ? "ok" : std::string(got.error().kind->id);
}

// The good token with one member's JSON text replaced; "" removes it.
std::string With(const char* name, const std::string& text) {
  Json claims{{"iss", kIss}, {"aud", "sigstore"}, {"iat", kSeconds}, {"exp", kSeconds + 300}};
  claims.erase(name);
  std::string out = claims.dump();
  if (!text.empty()) {
    out.pop_back();
    out += std::string(",\"") + name + "\":" + text + "}";
  }
  const auto parsed = schema::ParseJson(out, {65536});
  return parsed ? Check(*parsed) : "not JSON";
}

std::string At(std::int64_t offset) { return std::to_string(kSeconds + offset); }

TEST_CASE("CheckClaims, one member at a time") {
  const struct {
    const char* name;
    std::string text;
    const char* want;
  } cases[] = {
      {"x", "", "ok"},
      {"iss", R"("https://ci.example/")", "issuer-unknown"},
      {"iss", R"(["https://ci.example"])", "issuer-unknown"},
      {"iss", "", "issuer-unknown"},

      {"aud", R"("https://ca.example")", "ok"},
      {"aud", R"(["sigstore"])", "ok"},
      {"aud", R"(["sigstore","other"])", "audience"},
      {"aud", R"(["other","sigstore"])", "audience"},
      {"aud", R"(["sigstore","sigstore"])", "audience"},
      {"aud", R"(["sigstore","https://ca.example"])", "audience"},
      {"aud", R"(["other"])", "audience"},
      {"aud", R"("Sigstore")", "audience"},
      {"aud", R"("sigstore ")", "audience"},
      {"aud", R"("sigstore\u0000")", "audience"},
      {"aud", R"("sigstore,other")", "audience"},
      {"aud", R"("")", "audience"},
      {"aud", "[]", "audience"},
      {"aud", "[[\"sigstore\"]]", "audience"},
      {"aud", R"({"sigstore":true})", "audience"},
      {"aud", "null", "audience"},
      {"aud", "1", "audience"},
      {"aud", "", "audience"},

      {"exp", At(1), "ok"},
      {"exp", At(0), "token-expired"},  // RFC 7519 4.1.4: on or after
      {"exp", At(0) + ".999", "token-expired"},
      {"exp", At(1) + ".5", "ok"},
      {"exp", At(-100000), "token-expired"},
      {"exp", "0", "token-expired"},
      {"exp", "-1", "token-malformed"},
      {"exp", "-0.5", "token-malformed"},
      {"exp", "1e10", "token-too-old"},
      {"exp", "253402300799", "token-too-old"},
      {"exp", "253402300800", "token-malformed"},
      {"exp", "9223372036854775807", "token-malformed"},
      {"exp", "9223372036854775808", "token-malformed"},
      {"exp", "18446744073709551615", "token-malformed"},
      {"exp", "18446744073709551616", "token-malformed"},
      {"exp", "1e308", "token-malformed"},
      {"exp", "99999999999999999999999999999999999999", "token-malformed"},
      {"exp", "1e400", "not JSON"},
      {"exp", "\"" + At(300) + "\"", "token-malformed"},
      {"exp", "\"NaN\"", "token-malformed"},
      {"exp", "true", "token-malformed"},
      {"exp", "null", "token-malformed"},
      {"exp", "[" + At(300) + "]", "token-malformed"},
      {"exp", "", "token-malformed"},

      {"nbf", At(30), "ok"},
      {"nbf", At(31), "token-not-yet-valid"},
      {"nbf", At(-1000000), "ok"},
      {"nbf", "\"" + At(0) + "\"", "token-malformed"},
      {"nbf", "null", "token-malformed"},
      {"nbf", "-1", "token-malformed"},

      {"iat", At(30), "ok"},
      {"iat", At(31), "token-not-yet-valid"},
      {"iat", At(-630), "ok"},
      {"iat", At(-631), "token-too-old"},
      {"iat", At(-630) + ".5", "ok"},
      {"iat", At(-631) + ".5", "token-too-old"},
      {"iat", "0", "token-too-old"},
      {"iat", "", "token-malformed"},
      {"iat", "\"today\"", "token-malformed"},

      {"jti", R"("a")", "ok"},
      {"jti", R"("")", "token-malformed"},
      {"jti", "7", "token-malformed"},
      {"jti", "null", "token-malformed"},
      {"jti", "\"" + std::string(1024, 'j') + "\"", "ok"},
      {"jti", "\"" + std::string(1025, 'j') + "\"", "token-malformed"},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.name));
    CAPTURE(c.text.substr(0, 60));
    CHECK_EQ(With(c.name, c.text), c.want);
  }
}

TEST_CASE("the hard limit on a token's life holds whatever is configured") {
  oidc::Issuer issuer = MakeIssuer();
  issuer.max_token_age = std::chrono::hours{24};
  Json claims{{"iss", kIss}, {"aud", "sigstore"}, {"iat", kSeconds}, {"exp", kSeconds + 86400}};
  CHECK_EQ(Check(claims, issuer), "ok");
  claims["exp"] = kSeconds + 86401;
  CHECK_EQ(Check(claims, issuer), "token-too-old");
}

TEST_CASE("the token's id binds issuer and jti, and can be demanded") {
  oidc::Issuer issuer = MakeIssuer();
  Json claims{{"iss", kIss}, {"aud", "sigstore"}, {"iat", kSeconds}, {"exp", kSeconds + 300}};
  issuer.jti = "required";
  CHECK_EQ(Check(claims, issuer), "claims");
  claims["jti"] = "x";
  const auto some = oidc::CheckClaims(issuer, kIss, claims, kNow);
  REQUIRE(some);
  const std::string input = kIss + std::string(1, '\0') + "x";
  CHECK(some->token_id == schema::Sha256(schema::AsBytes(input)));
  CHECK(some->issued_at == kNow);
}

TEST_CASE("without a jti the claims are the token's id: all of them, in any order, nothing else") {
  const oidc::Issuer issuer = MakeIssuer();
  const auto id_of = [&](std::string_view text) {
    const auto claims = schema::ParseJson(text, {4096});
    REQUIRE(claims);
    const auto facts =
        oidc::CheckClaims(issuer, kIss, *claims, schema::Time(std::chrono::seconds(1000)));
    REQUIRE(facts);
    return schema::Hex(facts->token_id);
  };
  const std::string iss = kIss;
  const auto token = [&](const std::string& rest) {
    return "{\"iss\":\"" + iss + "\",\"aud\":\"sigstore\"," + rest + "}";
  };
  const std::string one = id_of(token(R"("iat":900,"exp":1100,"sub":"a","x":[1,{"y":null}])"));
  struct Row {
    const char* name;
    const char* rest;
    bool same;
  };
  const Row kRows[] = {
      {"another order and space", R"( "sub" : "a","x":[ 1,{"y":null}],"exp":1100,"iat":900)", true},
      {"an escape", R"("iat":900,"exp":1100,"sub":"\u0061","x":[1,{"y":null}])", true},
      {"a second later", R"("iat":901,"exp":1100,"sub":"a","x":[1,{"y":null}])", false},
      {"another end", R"("iat":900,"exp":1101,"sub":"a","x":[1,{"y":null}])", false},
      {"another subject", R"("iat":900,"exp":1100,"sub":"b","x":[1,{"y":null}])", false},
      {"another claim", R"("iat":900,"exp":1100,"sub":"a","x":[1,{"y":false}])", false},
      {"one claim more", R"("iat":900,"exp":1100,"sub":"a","x":[1,{"y":null}],"z":1)", false},
      {"a jti", R"("iat":900,"exp":1100,"sub":"a","x":[1,{"y":null}],"jti":"a")", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK_EQ(id_of(token(row.rest)) == one, row.same);
  }
}

}  // namespace
