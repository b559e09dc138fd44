// A timestamp authority's certificates, clock and key for tests, and requests made by OpenSSL.
#pragma once

#include <openssl/ts.h>

#include <optional>
#include <string>

#include "ca/tsa/authority.h"
#include "ca/tsa/clock_gate.h"
#include "tests/support/test_ca.h"

namespace rig {

using OwnedTsRequest = schema::Owned<TS_REQ, TS_REQ_free>;

// A root, an intermediate with EKU timeStamping, and the authority, each of which a test may
// change.
struct Specs {
  support::CertificateSpec root, intermediate, authority;
  Specs();
};
class Certificates {
 public:
  explicit Certificates(const Specs& specs = {}, std::string_view kind = "P-256");
  std::string Pem() const;  // authority first, root last
  ca::TimestampChain Load() const;
  EVP_PKEY* key() const { return key_.get(); }
  X509* root() const { return root_.get(); }
  X509* intermediate() const { return intermediate_.get(); }
  X509* authority() const { return authority_.get(); }

 private:
  schema::OwnedKey root_key_, intermediate_key_, key_;
  schema::OwnedCert root_, intermediate_, authority_;
};

class SetClock final : public schema::Clock {
 public:
  schema::TimeMs Now() const override { return now; }
  schema::TimeMs now = support::kNow;
};

class SetDiscipline final : public ca::ClockDiscipline {
 public:
  std::optional<std::string> Trouble() const override { return trouble; }
  std::optional<std::string> trouble;
};

class SoftwareSigner final : public ca::StampSigner {
 public:
  explicit SoftwareSigner(EVP_PKEY* key) : key_(key) {}
  schema::Result<schema::Signature> Sign(schema::BytesView tst_info,
                                         schema::BytesView signed_attributes) override;
  const schema::ErrorKind* failure = nullptr;
  schema::Bytes last;  // both, as a signer process gets them

 private:
  EVP_PKEY* key_;
};

// By OpenSSL; `nonce` 0: none.
struct Asked {
  const char* digest = "SHA256";
  long nonce = 0;
  bool certificates = false;
  const char* policy = nullptr;
};
OwnedTsRequest MakeRequest(const Asked& asked);
schema::Bytes DerOf(TS_REQ* request);

}  // namespace rig
