// Key or CSR, and proof of possession, to SubjectKey (reference: Fulcio 1.8 proof of possession and
// key rules).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kKeyMalformed;  // all Fault::kCaller
extern const schema::ErrorKind kKeyWeak;
extern const schema::ErrorKind kCsrMalformed;
extern const schema::ErrorKind kProofWrong;
extern const schema::ErrorKind kKeyAlgorithm;  // key and hash not in the allowed list

// What the wire gave; exactly one of `public_key` and `csr` is used, the CSR when both are present.
struct KeyRequest {
  std::string public_key;  // PEM ("PUBLIC KEY", "RSA PUBLIC KEY"), base64 of such PEM already
                           // decoded, or DER
  schema::Bytes proof;     // signature over the identity's proof message
  std::string csr;         // PEM PKCS#10 ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
};

// A key whose holder proved possession. Made only by CheckRequest.
class SubjectKey {
 public:
  const schema::SpkiDer& spki() const { return spki_; }  // re-encoded by us, canonical DER
  const schema::Hash& hash() const { return hash_; }     // SHA-256 of spki
  schema::BytesView key_bits() const {
    return key_bits_;
  }  // content of the BIT STRING, for the SKI
  std::string_view algorithm() const {
    return algorithm_;
  }  // "ecdsa-p256", "rsa-2048", "ed25519", …

 private:
  friend schema::Result<SubjectKey> CheckRequest(const KeyRequest&, std::string_view);
  SubjectKey() = default;
  schema::SpkiDer spki_;
  schema::Hash hash_{};
  schema::Bytes key_bits_;
  std::string_view algorithm_;
};

// Key strength (RSA 2048/3072/4096, e = 65537, no small factor, no ROCA, no close primes;
// P-256/384/521 on curve; Ed25519), then the proof. Does not block. Safe on any bytes
// (tests/fuzz/spki_fuzz.cc, csr_fuzz.cc).
schema::Result<SubjectKey> CheckRequest(const KeyRequest& request, std::string_view proof_message);

}  // namespace ca
