#include "http/wire.h"

#include <doctest/doctest.h>

#include "schema/base/json.h"

namespace {

using http::ParseSigningRequestV1;
using http::ParseSigningRequestV2;

struct Case {
  const char* name;
  const char* body;
  bool ok;
  const char* token;
  const char* key;
  const char* proof;
  const char* csr;
};

constexpr const char* kPem = "-----BEGIN PUBLIC KEY-----\\nAA==\\n-----END PUBLIC KEY-----\\n";

TEST_CASE("v2 signing requests") {
  const std::string pem_key =
      std::string(R"({"publicKeyRequest":{"publicKey":{"content":")") + kPem + R"("}}})";
  const Case cases[] = {
      {"empty body is the empty message", "", true, "", "", "", ""},
      {"empty object", "{}", true, "", "", "", ""},
      {"token and key",
       R"({"credentials":{"oidcIdentityToken":"a.b.c"},"publicKeyRequest":{"publicKey":)"
       R"({"algorithm":"ECDSA","content":"-----BEGIN X"},"proofOfPossession":"AQI="}})",
       true, "a.b.c", "-----BEGIN X", "\1\2", ""},
      {"snake_case",
       R"({"credentials":{"oidc_identity_token":"t"},"public_key_request":{"public_key":)"
       R"({"content":"-----BEGIN X"},"proof_of_possession":"AQI"}})",
       true, "t", "-----BEGIN X", "\1\2", ""},
      {"key as base64 of PEM",
       R"({"publicKeyRequest":{"publicKey":{"content":"LS0tLS1CRUdJTiBY"}}})", true, "",
       "-----BEGIN X", "", ""},
      {"URL-safe base64", R"({"publicKeyRequest":{"proofOfPossession":"-_8"}})", true, "", "",
       "\xfb\xff", ""},
      {"CSR", R"({"certificateSigningRequest":"eA=="})", true, "", "", "", "x"},
      {"null CSR is absent",
       R"({"publicKeyRequest":{"proofOfPossession":"eA=="},"certificateSigningRequest":null})",
       true, "", "", "x", ""},
      {"null key request is absent",
       R"({"publicKeyRequest":null,"certificateSigningRequest":"eA=="})", true, "", "", "", "x"},
      {"unknown names are dropped", R"({"later":{"a":[1]},"credentials":{"x":1}})", true, "", "",
       "", ""},
      {"both members of the oneof", R"({"publicKeyRequest":{},"certificateSigningRequest":"eA=="})",
       false, "", "", "", ""},
      {"both spellings", R"({"publicKeyRequest":{},"public_key_request":{}})", false, "", "", "",
       ""},
      {"a name twice", R"({"credentials":{},"credentials":{}})", false, "", "", "", ""},
      {"not JSON", "{", false, "", "", "", ""},
      {"an array", "[]", false, "", "", "", ""},
      {"a string", R"("x")", false, "", "", "", ""},
      {"text after the value", "{} {}", false, "", "", "", ""},
      {"credentials is a string", R"({"credentials":"x"})", false, "", "", "", ""},
      {"token is a number", R"({"credentials":{"oidcIdentityToken":1}})", false, "", "", "", ""},
      {"token is an object", R"({"credentials":{"oidcIdentityToken":{}}})", false, "", "", "", ""},
      {"key request is a list", R"({"publicKeyRequest":[]})", false, "", "", "", ""},
      {"public key is a string", R"({"publicKeyRequest":{"publicKey":"x"}})", false, "", "", "",
       ""},
      {"content is a number", R"({"publicKeyRequest":{"publicKey":{"content":7}}})", false, "", "",
       "", ""},
      {"proof is not base64", R"({"publicKeyRequest":{"proofOfPossession":"*"}})", false, "", "",
       "", ""},
      {"CSR is an object", R"({"certificateSigningRequest":{}})", false, "", "", "", ""},
      {"not UTF-8", "{\"x\":\"\xff\"}", false, "", "", "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = ParseSigningRequestV2(c.body);
    REQUIRE_EQ(got.has_value(), c.ok);
    if (!got) {
      CHECK_EQ(got.error().kind->id, http::kBadRequest.id);
      continue;
    }
    CHECK_EQ(got->token, c.token);
    CHECK_EQ(got->key.public_key, c.key);
    CHECK_EQ(schema::AsText(got->key.proof), c.proof);
    CHECK_EQ(got->key.csr, c.csr);
  }
  const auto pem = ParseSigningRequestV2(pem_key);
  REQUIRE(pem);
  CHECK(pem->key.public_key.starts_with("-----BEGIN PUBLIC KEY-----\n"));
}

TEST_CASE("v1 signing requests") {
  const Case cases[] = {
      {"key and proof",
       R"({"publicKey":{"content":"eA==","algorithm":"ecdsa"},"signedEmailAddress":"AQ=="})", true,
       "", "x", "\1", ""},
      {"cosign v2: null CSR",
       R"({"publicKey":{"content":"eA=="},"signedEmailAddress":"AQ==",)"
       R"("certificateSigningRequest":null})",
       true, "", "x", "\1", ""},
      {"key and CSR: both are kept",
       R"({"publicKey":{"content":"eA=="},"certificateSigningRequest":"eQ=="})", true, "", "x", "",
       "y"},
      {"a token in the body is not one", R"({"credentials":{"oidcIdentityToken":"t"}})", true, "",
       "", "", ""},
      {"content is not base64", R"({"publicKey":{"content":"*"}})", false, "", "", "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = ParseSigningRequestV1(c.body);
    REQUIRE_EQ(got.has_value(), c.ok);
    if (!got) continue;
    CHECK_EQ(got->token, c.token);
    CHECK_EQ(got->key.public_key, c.key);
    CHECK_EQ(schema::AsText(got->key.proof), c.proof);
    CHECK_EQ(got->key.csr, c.csr);
  }
}

TEST_CASE("where the token comes from") {
  http::SigningRequest with, without;
  with.token = "body";
  CHECK_EQ(http::PickToken(with, "Bearer header"), "body");
  CHECK_EQ(http::PickToken(without, "Bearer header"), "header");
  CHECK_EQ(http::PickToken(without, "header"), "header");  // a bare token, as Fulcio takes it
  CHECK_EQ(http::PickToken(without, "bearer x"), "bearer x");
  CHECK_EQ(http::PickToken(without, ""), "");
}

TEST_CASE("answers have the framing clients were written against") {
  const std::vector<std::string> chain = {"-----A\nB-----", "-----C\nD-----"};
  const auto v2 = schema::ParseJson(http::SigningAnswerV2(chain), {.bytes = 4096});
  REQUIRE(v2);
  CHECK_EQ((*v2)["signedCertificateEmbeddedSct"]["chain"]["certificates"], schema::Json(chain));
  CHECK_EQ(http::SigningAnswerV1(chain), "-----A\nB-----\n-----C\nD-----");
  CHECK_EQ(http::RootCertAnswer(chain), "-----A\nB-----\n\n-----C\nD-----");
  const auto bundle = schema::ParseJson(http::TrustBundleAnswer({chain}), {.bytes = 4096});
  REQUIRE(bundle);
  CHECK_EQ((*bundle)["chains"][0]["certificates"][0], "-----A\nB-----\n");
  const auto configuration = schema::ParseJson(
      http::ConfigurationAnswer({{"https://a", false, "aud", "sub", "", "uri", "https://s", false},
                                 {"https://*.b", true, "aud", "email", "", "email", "", true}}),
      {.bytes = 4096});
  REQUIRE(configuration);
  CHECK_EQ((*configuration)["issuers"][0]["issuerUrl"], "https://a");
  CHECK_EQ((*configuration)["issuers"][1]["wildcardIssuerUrl"], "https://*.b");
  CHECK_EQ((*configuration)["issuers"][1]["skipEmailVerification"], true);
  CHECK_EQ((*configuration)["issuers"][0]["skipEmailVerification"], false);
  CHECK_EQ((*configuration)["issuers"][0]["subjectDomain"], "https://s");
}

}  // namespace
