// What a stranger may send as a token, and the standards' own tokens.
#include "oidc/jwt.h"

#include <doctest/doctest.h>
#include <openssl/hmac.h>

#include <array>
#include <atomic>
#include <thread>

#include "oidc/verifier.h"
#include "schema/base/base64.h"
#include "schema/base/limits.h"
#include "tests/support/token.h"

namespace {

using schema::AsBytes;
using schema::Base64Url;
using schema::Json;
using support::TokenMinter;

std::string B64(std::string_view text) { return Base64Url(AsBytes(text)); }

std::string Kind(const schema::Result<oidc::Jwt>& jwt) {
  return jwt ? "ok" : std::string(jwt.error().kind->id);
}

struct Case {
  std::string name;
  std::string token;
  const schema::ErrorKind* want;  // nullptr: parses
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    CAPTURE(std::string(c.name));
    CHECK_EQ(Kind(oidc::Jwt::Parse(c.token)), c.want ? std::string(c.want->id) : "ok");
  }
}

const std::string kPayload = R"({"iss":"https://ci","exp":1})";
const std::string kGood = R"({"alg":"RS256","kid":"k","typ":"JWT"})";

std::string Token(std::string_view header, std::string_view payload = kPayload) {
  return B64(header) + "." + B64(payload) + ".c2ln";
}

TEST_CASE("Parse: framing") {
  const std::string h = B64(kGood), p = B64(kPayload), s = "c2ln";
  const auto* bad = &oidc::kTokenMalformed;
  Check({
      {"good", h + "." + p + "." + s, nullptr},
      {"empty", "", bad},
      {"one part", h, bad},
      {"two parts", h + "." + p, bad},
      {"four parts", h + "." + p + "." + s + "." + s, bad},
      {"five parts, as a JWE", h + ".." + p + "." + s + "." + s, bad},
      {"two dots alone", "..", bad},
      {"dots", std::string(schema::limits::kTokenBytes, '.'), bad},
      {"dots beyond the limit", std::string(1 << 20, '.'), bad},
      {"empty header", "." + p + "." + s, bad},
      {"empty payload", h + ".." + s, bad},
      {"empty signature", h + "." + p + ".", bad},
      {"padded header", B64("{\"alg\":\"RS256\"}") + "=." + p + "." + s, bad},
      {"padded signature", h + "." + p + ".c2lnbg==", bad},
      {"standard alphabet", h + "." + p + ".+/+/", bad},
      {"space", h + "." + p + ". c2l", bad},
      {"newline at the end", h + "." + p + "." + s + "\n", bad},
      {"NUL at the end", h + "." + p + "." + s + std::string(1, '\0'), bad},
      {"NUL inside", h + "." + p.substr(0, 8) + std::string(1, '\0') + p.substr(8) + "." + s, bad},
      {"unused bits are not zero", h + "." + p + ".c2lnbh", bad},
      {"one base64 character too many", h + "." + p + ".c2lnb", bad},
      {"non-ASCII", h + "." + p + ".\xc3\xa9\xc3\xa9", bad},
      {"bearer prefix", "Bearer " + h + "." + p + "." + s, bad},
      {"too long", h + "." + p + "." + std::string(schema::limits::kTokenBytes, 'A'), bad},
  });
}

TEST_CASE("Parse: header") {
  const auto* malformed = &oidc::kTokenMalformed;
  const auto* alg = &oidc::kTokenAlgorithm;
  const auto* header = &oidc::kTokenHeader;
  std::vector<Case> cases = {
      {"kid absent", Token(R"({"alg":"ES256"})"), nullptr},
      {"thumbprint, as GitHub sends it", Token(R"({"alg":"RS256","x5t":"AAAA","kid":"k"})"),
       nullptr},
      {"typ in lower case", Token(R"({"alg":"RS256","typ":"jwt"})"), nullptr},
      {"typ in full", Token(R"({"alg":"RS256","typ":"application/jwt"})"), nullptr},
      {"typ of SPIFFE", Token(R"({"alg":"RS256","typ":"JOSE"})"), nullptr},
      {"kid with a path is only a name", Token(R"({"alg":"RS256","kid":"../../etc/passwd"})"),
       nullptr},
      {"typ of a logout token", Token(R"({"alg":"RS256","typ":"logout+jwt"})"), header},
      {"typ of a proof", Token(R"({"alg":"RS256","typ":"dpop+jwt"})"), header},
      {"typ a number", Token(R"({"alg":"RS256","typ":1})"), header},
      {"typ empty", Token(R"({"alg":"RS256","typ":""})"), header},
      {"nested", Token(R"({"alg":"RS256","cty":"JWT"})"), header},
      {"no alg", Token(R"({"kid":"k"})"), malformed},
      {"alg null", Token(R"({"alg":null})"), malformed},
      {"alg list", Token(R"({"alg":["RS256"]})"), malformed},
      {"alg twice", Token(R"({"alg":"none","alg":"RS256"})"), malformed},
      {"alg twice, escaped", Token(R"({"alg":"RS256","\u0061lg":"none"})"), malformed},
      {"kid an object", Token(R"({"alg":"RS256","kid":{"a":1}})"), malformed},
      {"kid null", Token(R"({"alg":"RS256","kid":null})"), malformed},
      {"kid a number", Token(R"({"alg":"RS256","kid":7})"), malformed},
      {"kid too long", Token(R"({"alg":"RS256","kid":")" + std::string(1025, 'k') + "\"}"),
       malformed},
      {"header a list", Token(R"(["RS256"])"), malformed},
      {"header a string", Token(R"("RS256")"), malformed},
      {"header not JSON", Token("alg=RS256"), malformed},
      {"header with a tail", Token(kGood + "{}"), malformed},
      {"header with a byte order mark", Token("\xef\xbb\xbf" + kGood), malformed},
      {"header not UTF-8", Token("{\"alg\":\"RS256\",\"kid\":\"\xff\"}"), malformed},
      {"header too long", Token(R"({"alg":"RS256","x":")" + std::string(5000, 'x') + "\"}"),
       malformed},
      {"header too deep", Token(R"({"alg":"RS256","x":[[[[[[[[]]]]]]]]})"), malformed},
  };
  for (const char* name :
       {"none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "hs256", "rs256", "RS1",
        "RS256 ", "ES256K", "Ed448", "RSA-OAEP", "dir", "A128KW", "ES256\\u0000"})
    cases.push_back({std::string("alg ") + name,
                     Token(std::string(R"({"alg":")") + name + R"(","kid":"k"})"), alg});
  for (const char* name : {"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "epk", "apu",
                           "apv", "iv", "tag", "p2s", "p2c"})
    for (const char* value : {"null", "\"https://evil.example/jwks\"", "[\"exp\"]", "{}"})
      cases.push_back({std::string(name) + " " + value,
                       Token(std::string(R"({"alg":"RS256",")") + name + "\":" + value + "}"),
                       header});
  Check(cases);
}

TEST_CASE("Parse: payload") {
  const auto payload = [](std::string text) { return Token(kGood, text); };
  const auto* bad = &oidc::kTokenMalformed;
  std::string deep =
      R"({"iss":"https://ci","x":)" + std::string(40, '[') + std::string(40, ']') + "}";
  Check({
      {"iss alone", payload(R"({"iss":"https://ci"})"), nullptr},
      {"no iss", payload(R"({"sub":"a"})"), bad},
      {"iss in capitals", payload(R"({"ISS":"https://ci"})"), bad},
      {"iss a list", payload(R"({"iss":["https://ci"]})"), bad},
      {"iss twice", payload(R"({"iss":"https://ci","iss":"https://evil"})"), bad},
      {"a claim twice, deep inside", payload(R"({"iss":"a","x":{"y":[{"z":1,"z":2}]}})"), bad},
      {"not an object", payload(R"([{"iss":"https://ci"}])"), bad},
      {"null", payload("null"), bad},
      {"not JSON", payload("iss=https://ci"), bad},
      {"single quotes", payload("{'iss':'https://ci'}"), bad},
      {"trailing comma", payload(R"({"iss":"https://ci",})"), bad},
      {"comment", payload(R"({"iss":"https://ci"/**/})"), bad},
      {"NaN", payload(R"({"iss":"https://ci","exp":NaN})"), bad},
      {"Infinity", payload(R"({"iss":"https://ci","exp":Infinity})"), bad},
      {"NUL octet", payload(std::string("{\"iss\":\"https://ci\0\"}", 20)), bad},
      {"not UTF-8", payload("{\"iss\":\"https://ci\",\"sub\":\"\xc0\xaf\"}"), bad},
      {"half a surrogate pair", payload(R"({"iss":"https://ci","sub":"\ud800"})"), bad},
      {"too deep", payload(deep), bad},
  });
}

oidc::KeySet Keys(std::string_view text) {
  auto keys = oidc::KeySet::Parse(text);
  REQUIRE(keys);
  return *std::move(keys);
}

std::string Verified(const std::string& token, const oidc::KeySet& keys) {
  auto jwt = oidc::Jwt::Parse(token);
  if (!jwt) return std::string(jwt.error().kind->id);
  const auto claims = oidc::VerifiedClaims(*std::move(jwt), keys);
  return claims ? "ok" : std::string(claims.error().kind->id);
}

TEST_CASE("the RSA public key is no HMAC secret") {
  const TokenMinter rsa("RS256");
  const auto keys = Keys(rsa.Jwks());
  const std::string input = B64(R"({"alg":"HS256","kid":"test-key"})") + "." + B64(kPayload);
  unsigned char* pem = nullptr;
  const int size = i2d_PUBKEY(rsa.key(), &pem);
  std::array<std::uint8_t, 32> mac{};
  HMAC(EVP_sha256(), pem, size, AsBytes(input).data(), input.size(), mac.data(), nullptr);
  OPENSSL_free(pem);
  CHECK_EQ(Verified(input + "." + Base64Url(mac), keys), "token-algorithm");
}

TEST_CASE("alg must be the key's own") {
  for (const char* mine : {"RS256", "PS256", "ES256", "ES384", "EdDSA"}) {
    TokenMinter minter(mine);
    const auto keys = Keys(minter.Jwks());
    for (const char* other : {"RS256", "RS512", "PS256", "ES256", "ES512", "EdDSA"}) {
      CAPTURE(std::string(mine));
      CAPTURE(std::string(other));
      const std::string header = Json{{"alg", other}, {"kid", "test-key"}}.dump();
      CHECK_EQ(Verified(minter.MintRaw(header, kPayload), keys),
               std::string_view(mine) == other ? "ok" : "token-algorithm");
    }
  }
}

TEST_CASE("a JWK without alg takes every algorithm of its type, and the signature decides") {
  const TokenMinter minter("PS384");
  Json jwk = minter.Jwk();
  jwk.erase("alg");
  const auto keys = Keys(Json{{"keys", {jwk}}}.dump());
  CHECK_EQ(Verified(minter.MintRaw(minter.Header(), kPayload), keys), "ok");
  for (const char* other : {"RS256", "RS384", "PS256", "PS512"}) {
    CAPTURE(std::string(other));
    const std::string header = Json{{"alg", other}, {"kid", "test-key"}}.dump();
    CHECK_EQ(Verified(minter.MintRaw(header, kPayload), keys), "token-signature");
  }
}

TEST_CASE("PSS salt is as long as the digest (RFC 7518 3.5)") {
  const TokenMinter minter("PS256");
  const auto keys = Keys(minter.Jwks());
  const std::string input = B64(minter.Header()) + "." + B64(kPayload);
  for (const int salt : {0, 20, 32, 64}) {
    CAPTURE(salt);
    const schema::OwnedDigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    REQUIRE(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", nullptr, nullptr, minter.key(),
                                  nullptr) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(options, 6) == 1);  // RSA_PKCS1_PSS_PADDING
    REQUIRE(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt) == 1);
    schema::Bytes signature(256);
    std::size_t size = signature.size();
    REQUIRE(EVP_DigestSign(context.get(), signature.data(), &size, AsBytes(input).data(),
                           input.size()) == 1);
    CHECK_EQ(Verified(input + "." + Base64Url(signature), keys),
             salt == 32 ? "ok" : "token-signature");
  }
}

TEST_CASE("ES signatures have one form only (RFC 7518 3.4)") {
  const TokenMinter minter("ES256");
  const auto keys = Keys(minter.Jwks());
  const std::string input = B64(minter.Header()) + "." + B64(kPayload);
  const schema::Bytes good = minter.Sign(AsBytes(input));
  const auto verify = [&](const schema::Bytes& s) {
    return Verified(input + "." + Base64Url(s), keys);
  };
  REQUIRE_EQ(good.size(), 64);
  CHECK_EQ(verify(good), "ok");

  schema::Bytes changed = good;
  changed.pop_back();
  CHECK_EQ(verify(changed), "token-signature");
  changed = good;
  changed.push_back(0);
  CHECK_EQ(verify(changed), "token-signature");
  changed = good;  // each half one octet longer: the same numbers
  changed.insert(changed.begin() + 32, 0);
  changed.insert(changed.begin(), 0);
  CHECK_EQ(verify(changed), "token-signature");
  CHECK_EQ(verify(schema::Bytes(64, 0)), "token-signature");
  CHECK_EQ(verify(schema::Bytes(64, 0xff)), "token-signature");
  CHECK_EQ(verify(support::TokenMinter("ES256").Sign(AsBytes(input))), "token-signature");

  // DER of the same signature is X.509's form, not JOSE's.
  const schema::OwnedEcdsaSig sig(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(good.data(), 32, nullptr);
  BIGNUM* s = BN_bin2bn(good.data() + 32, 32, nullptr);
  ECDSA_SIG_set0(sig.get(), r, s);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(sig.get(), &der);
  CHECK_EQ(verify(schema::Bytes(der, der + size)), "token-signature");
  OPENSSL_free(der);

  // (r, n - s) is as good by the mathematics and by RFC 7518; a token is known by its jti, not its
  // bytes.
  const schema::OwnedBignum order([] {
    BIGNUM* n = nullptr;
    BN_hex2bn(&n, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
    return n;
  }());
  const schema::OwnedBignum twin(BN_new());
  BN_sub(twin.get(), order.get(), s);
  changed = good;
  BN_bn2binpad(twin.get(), changed.data() + 32, 32);
  CHECK_EQ(verify(changed), "ok");
  // s + n does not fit 32 octets for most s; r = n is never a signature.
  changed = good;
  BN_bn2binpad(order.get(), changed.data(), 32);
  CHECK_EQ(verify(changed), "token-signature");
}

TEST_CASE("any changed octet of a token is noticed") {
  for (const char* alg : {"RS256", "ES256", "EdDSA"}) {
    const TokenMinter minter(alg);
    const auto keys = Keys(minter.Jwks());
    const std::string token = minter.MintRaw(minter.Header(), kPayload);
    REQUIRE_EQ(Verified(token, keys), "ok");
    for (std::size_t i = 0; i < token.size(); ++i) {
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(std::string(alg));
      CAPTURE(i);
      CHECK_NE(Verified(changed, keys), "ok");
    }
  }
}

TEST_CASE("one key set serves many threads") {
  const TokenMinter rsa("RS256", "r"), pss("PS256", "p"), ec("ES256", "e"), ed("EdDSA", "d");
  const auto keys = Keys(support::JwksOf({&rsa, &pss, &ec, &ed}));
  std::vector<std::string> good;
  for (const TokenMinter* minter : {&rsa, &pss, &ec, &ed})
    good.push_back(minter->MintRaw(minter->Header(), kPayload));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const std::string& token = good[(i + static_cast<std::size_t>(t)) % good.size()];
        if (Verified(token, keys) != "ok") ++wrong;
        // Not the last character: its low bits may be unused.
        std::string forged = token;
        char& c = forged[forged.size() - 10];
        c = c == 'A' ? 'B' : 'A';
        if (Verified(forged, keys) != "token-signature") ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong, 0);
}

struct Vector {
  const char* name;
  const char* jwk;
  const char* token;
};
const Vector kVectors[] = {
#include "tests/vectors/jose/rfc.inc"
};

TEST_CASE("the standards' own signatures verify") {
  for (const Vector& v : kVectors) {
    CAPTURE(std::string(v.name));
    const auto jwk = oidc::PublicKey::Parse(Json::parse(v.jwk));
    REQUIRE_MESSAGE(jwk, jwk.error().Describe());
    const std::string_view token = v.token;
    const std::size_t dot = token.rfind('.');
    const auto signature = schema::DecodeBase64UrlStrict(token.substr(dot + 1));
    const auto head = schema::DecodeBase64UrlStrict(token.substr(0, token.find('.')));
    REQUIRE(signature);
    REQUIRE(head);
    const auto* alg = oidc::FindAlgorithm(
        Json::parse(schema::AsText(*head))["alg"].get_ref<const std::string&>());
    REQUIRE(alg != nullptr);
    REQUIRE(jwk->Fits(*alg));
    CHECK(jwk->Verify(*alg, AsBytes(token.substr(0, dot)), *signature));
    CHECK_FALSE(jwk->Verify(*alg, AsBytes(token.substr(1, dot - 1)), *signature));
  }
}

}  // namespace
