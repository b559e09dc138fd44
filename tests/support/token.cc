#include "tests/support/token.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <atomic>

#include "schema/base/base64.h"

namespace support {
namespace {

using schema::Base64Url;
using schema::Json;

std::size_t CoordinateBytes(std::string_view alg) {
  return alg == "ES256" ? 32 : alg == "ES384" ? 48 : 66;
}
const char* CurveName(std::string_view alg) {
  return alg == "ES256" ? "P-256" : alg == "ES384" ? "P-384" : "P-521";
}

schema::OwnedKey Generate(std::string_view alg) {
  if (alg == "EdDSA") return schema::OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (alg.starts_with("ES")) return schema::OwnedKey(EVP_EC_gen(CurveName(alg)));
  MUST(alg.starts_with("RS") || alg.starts_with("PS"));
  return schema::OwnedKey(EVP_RSA_gen(2048));
}

schema::Bytes Number(EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* raw = nullptr;
  MUST(EVP_PKEY_get_bn_param(key, name, &raw) == 1);
  const schema::OwnedBignum number(raw);
  schema::Bytes out(width != 0 ? width : static_cast<std::size_t>(BN_num_bytes(raw)));
  MUST(BN_bn2binpad(raw, out.data(), static_cast<int>(out.size())) > 0);
  return out;
}

// RFC 7518 3.4: fixed width, big endian, r then s.
schema::Bytes RawEcdsa(const schema::Bytes& der, std::size_t width) {
  const unsigned char* at = der.data();
  const schema::OwnedEcdsaSig sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  MUST(sig != nullptr);
  schema::Bytes out(2 * width);
  const int size = static_cast<int>(width);
  MUST(BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), out.data(), size) == size);
  MUST(BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), out.data() + width, size) == size);
  return out;
}

}  // namespace

TokenMinter::TokenMinter(std::string alg, std::string kid)
    : alg_(std::move(alg)), kid_(std::move(kid)), key_(Generate(alg_)) {
  MUST(key_ != nullptr);
}

std::string TokenMinter::Header() const {
  return Json{{"alg", alg_}, {"kid", kid_}, {"typ", "JWT"}}.dump();
}

std::string TokenMinter::MintRaw(std::string_view header, std::string_view payload) const {
  std::string out = Base64Url(schema::AsBytes(header));
  out.append(".").append(Base64Url(schema::AsBytes(payload)));
  const schema::Bytes signature = Sign(schema::AsBytes(out));
  return out.append(".").append(Base64Url(signature));
}

schema::Bytes TokenMinter::Sign(schema::BytesView input) const {
  const bool eddsa = alg_ == "EdDSA";
  const std::string digest = eddsa ? "" : "SHA" + alg_.substr(2);
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  MUST(EVP_DigestSignInit_ex(context.get(), &options, eddsa ? nullptr : digest.c_str(), nullptr,
                             nullptr, key_.get(), nullptr) == 1);
  if (alg_.starts_with("PS")) {
    MUST(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
    MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  std::size_t size = 0;
  MUST(EVP_DigestSign(context.get(), nullptr, &size, input.data(), input.size()) == 1);
  schema::Bytes out(size);
  MUST(EVP_DigestSign(context.get(), out.data(), &size, input.data(), input.size()) == 1);
  out.resize(size);
  return alg_.starts_with("ES") ? RawEcdsa(out, CoordinateBytes(alg_)) : out;
}

Json TokenMinter::Jwk() const {
  Json out{{"kid", kid_}, {"alg", alg_}, {"use", "sig"}};
  if (alg_ == "EdDSA") {
    schema::Bytes raw(32);
    std::size_t size = raw.size();
    MUST(EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size) == 1);
    out.update({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", Base64Url(raw)}});
  } else if (alg_.starts_with("ES")) {
    const std::size_t width = CoordinateBytes(alg_);
    out.update({{"kty", "EC"},
                {"crv", CurveName(alg_)},
                {"x", Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, width))},
                {"y", Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, width))}});
  } else {
    out.update({{"kty", "RSA"},
                {"n", Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_RSA_N))},
                {"e", Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_RSA_E))}});
  }
  return out;
}

std::string TokenMinter::Jwks() const { return JwksOf({this}); }

std::string JwksOf(std::initializer_list<const TokenMinter*> minters) {
  Json keys = Json::array();
  for (const TokenMinter* minter : minters) keys.push_back(minter->Jwk());
  return Json{{"keys", keys}}.dump();
}

std::string DiscoveryOf(std::string_view issuer) {
  return Json{{"issuer", issuer},
              {"jwks_uri", std::string(issuer) + "/jwks"},
              {"response_types_supported", {"id_token"}},
              {"subject_types_supported", {"public"}}}
      .dump();
}

Json BaseClaims(std::string_view issuer, std::string_view audience, schema::Time now) {
  static std::atomic<int> count{0};
  const auto seconds = now.time_since_epoch().count();
  return Json{{"iss", issuer},  {"aud", audience},      {"sub", "subject"},
              {"iat", seconds}, {"exp", seconds + 300}, {"jti", "jti-" + std::to_string(++count)}};
}

Json GithubClaims(std::string_view issuer, std::string_view audience, schema::Time now) {
  Json out = BaseClaims(issuer, audience, now);
  const std::string workflow = "octo-org/octo-repo/.github/workflows/release.yml@refs/tags/v1.2.3";
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  out.update({{"sub", "repo:octo-org/octo-repo:ref:refs/tags/v1.2.3"},
              {"job_workflow_ref", workflow},
              {"job_workflow_sha", commit},
              {"workflow_ref", workflow},
              {"workflow_sha", commit},
              {"workflow", "release"},
              {"sha", commit},
              {"ref", "refs/tags/v1.2.3"},
              {"ref_type", "tag"},
              {"event_name", "push"},
              {"repository", "octo-org/octo-repo"},
              {"repository_id", "821093847"},
              {"repository_owner", "octo-org"},
              {"repository_owner_id", "5544123"},
              {"repository_visibility", "private"},
              {"actor", "octocat"},
              {"actor_id", "583231"},
              {"runner_environment", "github-hosted"},
              {"environment", "production"},
              {"run_id", "1536140711"},
              {"run_number", "42"},
              {"run_attempt", "1"}});
  return out;
}

}  // namespace support
