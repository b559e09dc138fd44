#include "tests/ca/samples.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <map>

namespace samples {

using schema::Bytes;

EVP_PKEY* Key(std::string_view kind) {
  static std::map<std::string, schema::OwnedKey, std::less<>> keys;
  const auto found = keys.find(kind);
  if (found != keys.end()) return found->second.get();
  return keys.emplace(kind, support::MakeKey(kind)).first->second.get();
}

namespace {

std::string TextOf(const schema::OwnedBio& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

std::string PublicPem(EVP_PKEY* key) {
  const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  return TextOf(bio);
}

std::string RsaPublicPem(EVP_PKEY* key) {
  const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
  std::uint8_t* der = nullptr;
  const int size = i2d_PublicKey(key, &der);
  MUST(size > 0);
  MUST(PEM_write_bio(bio.get(), "RSA PUBLIC KEY", "", der, size) > 0);
  OPENSSL_free(der);
  return TextOf(bio);
}

schema::OwnedKey RsaOf(const BIGNUM* n, unsigned long e) {
  const schema::OwnedBignum exponent(BN_new());
  MUST(BN_set_word(exponent.get(), e) == 1);
  const schema::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n) == 1);
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1);
  const schema::Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const schema::OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  MUST(EVP_PKEY_fromdata_init(context.get()) == 1);
  MUST(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1);
  return schema::OwnedKey(key);
}

const char* DigestOf(std::string_view kind) {
  if (kind == "P-384") return "SHA384";
  if (kind == "P-521") return "SHA512";
  return "SHA256";
}

Bytes FixedLength(schema::BytesView der, int field_size) {
  const std::uint8_t* at = der.data();
  const schema::OwnedEcdsaSig signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  MUST(signature != nullptr);
  const auto half = static_cast<std::size_t>(field_size);
  Bytes out(2 * half);
  MUST(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), field_size) == field_size);
  MUST(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + half, field_size) ==
       field_size);
  return out;
}

ca::KeyRequest Request(std::string_view kind) {
  EVP_PKEY* key = Key(kind);
  return {PublicPem(key), support::SignWith(key, DigestOf(kind), schema::AsBytes(kProofMessage)),
          ""};
}

ca::SubjectKey ProvenKey(std::string_view kind) {
  auto key = ca::CheckRequest(Request(kind), kProofMessage);
  MUST(key.has_value());
  return *std::move(key);
}

schema::Identity Github() {
  const std::string issuer = "https://token.actions.githubusercontent.com";
  const std::string workflow =
      "https://github.com/acme/app/.github/workflows/rel.yml@refs/heads/main";
  schema::Identity identity{};
  identity.issuer = issuer;
  identity.issuer_type = "ci-provider";
  identity.subject = identity.proof_message = kProofMessage;
  identity.san = {schema::San::Kind::kUri, workflow};
  for (int arc = 1; arc <= 24; ++arc) {
    if (arc == 7 || arc == 23) continue;
    const bool is_issuer = arc == 1 || arc == 8;
    identity.extensions.push_back({arc, is_issuer ? issuer : "value of " + std::to_string(arc)});
  }
  identity.claims = {{"iss", issuer}, {"sub", std::string(kProofMessage)}};
  identity.issued_at = support::kNow;
  identity.expires_at = support::kNow + std::chrono::minutes{5};
  return identity;
}

schema::Identity WithSan(schema::San::Kind kind, std::string value) {
  schema::Identity identity = Github();
  identity.san = {kind, std::move(value)};
  return identity;
}

schema::OwnedCert ParseWithOpenssl(schema::BytesView certificate) {
  const std::uint8_t* at = certificate.data();
  schema::OwnedCert parsed(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  if (parsed != nullptr && at != certificate.data() + certificate.size()) return nullptr;
  return parsed;
}

}  // namespace samples
