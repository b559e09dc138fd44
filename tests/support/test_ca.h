// Certificates and keys for tests, made in memory with OpenSSL: none of the product's own writer is
// in them.
#pragma once

#include <string>
#include <string_view>

#include "ca/chain.h"
#include "schema/base/bytes.h"
#include "schema/base/openssl.h"
#include "schema/base/time.h"

namespace support {

// 2026-11-21T10:00:00Z, the "now" of tests that need none in particular.
inline constexpr schema::Time kNow{std::chrono::seconds{1795255200}};

// "P-256", "P-384", "P-521", "RSA-2048" (any size), "Ed25519".
schema::OwnedKey MakeKey(std::string_view kind);
schema::SpkiDer SpkiOf(EVP_PKEY* key);
// ECDSA: DER. The digest is ignored for Ed25519.
schema::Bytes SignWith(EVP_PKEY* key, const char* digest, schema::BytesView bytes);

// A good CA certificate unless a test changes a member. Extension texts are those of openssl.cnf;
// empty: absent.
struct CertificateSpec {
  std::string organization = "Example";
  std::string common_name = "Example CA";
  schema::Time not_before = kNow - std::chrono::hours{1};
  schema::Time not_after = kNow + std::chrono::hours{24 * 365};
  std::string basic_constraints = "critical,CA:TRUE";
  std::string key_usage = "critical,keyCertSign,cRLSign";
  std::string extended_key_usage;
  std::string subject_key_id = "hash";
  const char* digest = "SHA256";
};

struct Issuer {
  X509* certificate;
  EVP_PKEY* key;
};
// Self-signed when `issuer` is null.
schema::OwnedCert MakeCertificate(const CertificateSpec& spec, EVP_PKEY* key,
                                  const Issuer* issuer = nullptr);
schema::CertDer DerOf(X509* certificate);
std::string PemOf(X509* certificate);  // with a trailing newline

// A P-256 root and a P-256 issuing CA (EKU codeSigning, pathLen 0), valid from an hour before `now`
// for a year.
class TestCa {
 public:
  explicit TestCa(schema::Time now = kNow);

  const std::string& pem() const { return pem_; }  // issuing CA first, root last
  EVP_PKEY* issuing_key() const { return issuing_key_.get(); }
  X509* issuing() const { return issuing_.get(); }
  EVP_PKEY* root_key() const { return root_key_.get(); }
  X509* root() const { return root_.get(); }

  // Needs the ca library at link time.
  ca::Chain LoadChain() const {
    auto chain = ca::LoadChain(pem_, now_);
    MUST(chain.has_value());
    return *std::move(chain);
  }
  // ecdsa-with-SHA256 by the issuing key.
  schema::Signature Sign(schema::BytesView bytes) const {
    return schema::Signature(SignWith(issuing_key_.get(), "SHA256", bytes));
  }

 private:
  schema::Time now_;
  schema::OwnedKey root_key_, issuing_key_;
  schema::OwnedCert root_, issuing_;
  std::string pem_;
};

// For a key that lives elsewhere (a PKCS#11 token): the same issuing certificate, over
// `issuing_key`'s public part.
std::string ChainPemFor(EVP_PKEY* issuing_key, schema::Time now = kNow, int path_length = 0);

// A good Precertificate Signing Certificate (RFC 6962 3.1).
CertificateSpec PrecertificateSpec(schema::Time now = kNow);
// One over `key` by the first certificate of `chain_pem`, then those of `chain_pem`.
std::string PrecertificateChainPem(const CertificateSpec& spec, EVP_PKEY* key,
                                   const std::string& chain_pem, EVP_PKEY* issuing_key);

}  // namespace support
