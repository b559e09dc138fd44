#include "oidc/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/der.h"

namespace oidc {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadJwk{"bad-jwk", schema::Fault::kBusy,
                                "A key of the issuer cannot be used."};

namespace {

constexpr std::size_t kRsaBytesMin = 2048 / 8;
constexpr std::size_t kRsaBytesMax = 8192 / 8;
constexpr std::size_t kExponentBytesMax = 4;
constexpr std::size_t kKidBytesMax = 1024;

using OwnedParamBuilder = schema::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using OwnedParams = schema::Owned<OSSL_PARAM, OSSL_PARAM_free>;

Error Bad(std::string why) { return {&kBadJwk, std::move(why)}; }

// The member's text; empty when it is absent.
Result<std::string> Text(const Json& jwk, const char* name) {
  const auto found = jwk.find(name);
  if (found == jwk.end()) return std::string();
  if (!found->is_string()) return Bad(std::string(name) + " is not a string");
  return found->get<std::string>();
}

Result<Bytes> Octets(const Json& jwk, const char* name) {
  TRY(const std::string text, Text(jwk, name));
  auto octets = schema::DecodeBase64UrlStrict(text);
  if (!octets || octets->empty()) return Bad(std::string(name) + " is not base64url");
  return octets;
}

Result<schema::OwnedKey> FromParams(const char* type, OSSL_PARAM* params) {
  const schema::OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return Bad(schema::OpensslError());
  return schema::OwnedKey(key);
}

// RFC 7518 6.3.1. Leading zero octets are against it but occur in the wild, and are harmless.
Result<schema::OwnedKey> RsaKey(const Json& jwk) {
  TRY(Bytes n, Octets(jwk, "n"));
  TRY(Bytes e, Octets(jwk, "e"));
  for (Bytes* number : {&n, &e})
    number->erase(number->begin(),
                  std::ranges::find_if(*number, [](std::uint8_t b) { return b != 0; }));
  // The top bit too: 2041 bits are 256 octets as well.
  if (n.size() < kRsaBytesMin || n.size() > kRsaBytesMax || n.front() < 0x80 || n.back() % 2 == 0)
    return Bad("modulus is not odd and of 2048 to 8192 bits in whole octets");
  // A big exponent makes each verification slow; a small one makes forgery easy where padding is
  // lax.
  std::uint64_t exponent = 0;
  if (e.size() > kExponentBytesMax) return Bad("exponent above 32 bits");
  for (const std::uint8_t octet : e) exponent = exponent << 8 | octet;
  if (exponent < 65537 || exponent % 2 == 0) return Bad("exponent even or below 65537");

  const schema::OwnedBignum modulus(BN_bin2bn(n.data(), static_cast<int>(n.size()), nullptr));
  const schema::OwnedBignum power(BN_bin2bn(e.data(), static_cast<int>(e.size()), nullptr));
  const OwnedParamBuilder builder(OSSL_PARAM_BLD_new());
  MUST(modulus && power && builder);
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1);
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, power.get()) == 1);
  const OwnedParams params(OSSL_PARAM_BLD_to_param(builder.get()));
  return FromParams("RSA", params.get());
}

// RFC 7518 6.2.1: coordinates have the curve's full length.
Result<schema::OwnedKey> EcKey(const Json& jwk, const Algorithm& algorithm) {
  TRY(const Bytes x, Octets(jwk, "x"));
  TRY(const Bytes y, Octets(jwk, "y"));
  if (x.size() != algorithm.coordinate_bytes || y.size() != algorithm.coordinate_bytes)
    return Bad("coordinate of the wrong length");
  Bytes point{0x04};  // SEC 1 2.3.3, uncompressed
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  std::string group(algorithm.curve);
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  TRY(auto key, FromParams("EC", params));
  // RFC 8725 3.4: on the curve and not the point at infinity.
  const schema::OwnedKeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1)
    return Bad("point not on the curve: " + schema::OpensslError());
  return key;
}

// RFC 8037 2.
Result<schema::OwnedKey> Ed25519Key(const Json& jwk) {
  TRY(const Bytes x, Octets(jwk, "x"));
  if (x.size() != 32) return Bad("x is not of 32 octets");
  schema::OwnedKey key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, x.data(), x.size()));
  if (key == nullptr) return Bad(schema::OpensslError());
  return key;
}

Outcome CheckPurpose(const Json& jwk) {
  // A key whose private part anyone can read proves nothing (RFC 7518 6.2.2, 6.3.2, 6.4).
  for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    if (jwk.contains(secret)) return Bad("private or symmetric part published");
  TRY(const std::string use, Text(jwk, "use"));
  if (!use.empty() && use != "sig") return Bad("use is not sig");
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return schema::Ok();
  if (!operations->is_array()) return Bad("key_ops is not a list");
  if (std::ranges::find(*operations, Json("verify")) == operations->end())
    return Bad("key_ops without verify");
  return schema::Ok();
}

const Algorithm* FindCurve(KeyType type, std::string_view curve) {
  for (const Algorithm& algorithm : kAlgorithms)
    if (algorithm.key_type == type && algorithm.curve == curve) return &algorithm;
  return nullptr;
}

// r‖s to ECDSA-Sig-Value (RFC 3279 2.2.3). A zero or a value from the group order up is OpenSSL's
// to refuse.
Bytes EcdsaDer(BytesView raw) {
  schema::der::Writer writer;
  const std::size_t mark = writer.Begin(schema::der::kSequence);
  writer.UnsignedInteger(raw.first(raw.size() / 2));
  writer.UnsignedInteger(raw.last(raw.size() / 2));
  writer.End(mark);
  return std::move(writer).Take();
}

}  // namespace

Result<PublicKey> PublicKey::Parse(const Json& jwk) {
  if (!jwk.is_object()) return Bad("not an object");
  TRY(CheckPurpose(jwk));
  PublicKey out;
  TRY(out.kid_, Text(jwk, "kid"));
  if (out.kid_.size() > kKidBytesMax) return Bad("kid too long");
  TRY(const std::string type, Text(jwk, "kty"));
  TRY(const std::string curve, Text(jwk, "crv"));
  TRY(const std::string alg, Text(jwk, "alg"));
  if (!alg.empty() && FindAlgorithm(alg) == nullptr) return Bad("alg is not one of ours");

  if (type == "RSA") {
    TRY(out.key_, RsaKey(jwk));
    TRY(out.Prepare(alg, KeyType::kRsa, ""));
  } else if (type == "EC") {
    const Algorithm* found = FindCurve(KeyType::kEc, curve);
    if (found == nullptr) return Bad("crv is not one of ours");
    TRY(out.key_, EcKey(jwk, *found));
    TRY(out.Prepare(alg, KeyType::kEc, curve));
  } else if (type == "OKP" && curve == "Ed25519") {
    TRY(out.key_, Ed25519Key(jwk));
    TRY(out.Prepare(alg, KeyType::kOkp, curve));
  } else {
    return Bad("kty is not one of ours");
  }
  return out;
}

Outcome PublicKey::Prepare(std::string_view alg, KeyType type, std::string_view curve) {
  bool any = false;
  for (const Algorithm& algorithm : kAlgorithms) {
    if (algorithm.key_type != type || algorithm.curve != curve) continue;
    if (!alg.empty() && alg != algorithm.name) continue;
    schema::OwnedDigestContext context(EVP_MD_CTX_new());
    MUST(context != nullptr);
    EVP_PKEY_CTX* options = nullptr;
    if (EVP_DigestVerifyInit_ex(context.get(), &options, algorithm.digest, nullptr, nullptr,
                                key_.get(), nullptr) != 1)
      return Bad(schema::OpensslError());
    // RFC 7518 3.5: salt as long as the digest, MGF1 with the same digest (OpenSSL's default).
    if (algorithm.pss && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
      return Bad(schema::OpensslError());
    prepared_[IndexOf(algorithm)] = std::move(context);
    any = true;
  }
  if (!any) return Bad("alg does not fit the key");
  return schema::Ok();
}

bool PublicKey::Verify(const Algorithm& algorithm, BytesView input, BytesView signature) const {
  MUST(Fits(algorithm));
  static thread_local const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(context != nullptr);
  if (EVP_MD_CTX_copy_ex(context.get(), prepared_[IndexOf(algorithm)].get()) != 1) return false;
  Bytes der;
  if (algorithm.key_type == KeyType::kEc) {
    // RFC 7518 3.4: exactly two full-length integers.
    if (signature.size() != 2 * algorithm.coordinate_bytes) return false;
    der = EcdsaDer(signature);
    signature = der;
  }
  const bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                     input.data(), input.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace oidc
