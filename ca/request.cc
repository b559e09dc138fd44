#include "ca/request.h"

#include "ca/csr.h"
#include "ca/key_strength.h"
#include "ca/pem.h"
#include "ca/proof.h"
#include "ca/spki.h"
#include "schema/base/limits.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Fault;
using schema::Result;

const schema::ErrorKind kKeyMalformed{
    "key-malformed", Fault::kCaller,
    "The public key supplied in the request could not be parsed; send PKIX PEM or DER of an ECDSA "
    "P-256, P-384 or P-521, RSA or Ed25519 key"};
const schema::ErrorKind kKeyWeak{"key-weak", Fault::kCaller,
                                 "The public key supplied in the request is insecure; make a new "
                                 "key, ECDSA P-256 by preference"};
const schema::ErrorKind kCsrMalformed{
    "csr-malformed", Fault::kCaller,
    "The certificate signing request could not be parsed; send one PEM PKCS#10 request"};
const schema::ErrorKind kProofWrong{
    "proof-wrong", Fault::kCaller,
    "The signature supplied in the request could not be verified; sign the token's e-mail or "
    "\"sub\" with the key of the request"};
const schema::ErrorKind kKeyAlgorithm{
    "key-algorithm", Fault::kCaller,
    "signing algorithm not permitted; use ECDSA with the hash of its curve, RSA PKCS#1 v1.5 with "
    "SHA-256, or Ed25519"};

namespace {

Result<RawKey> ReadPublicKey(std::string_view text) {
  if (text.empty()) return Error{&kKeyMalformed, "no key"};
  if (text.size() > schema::limits::kKeyBytes) return Error{&kKeyMalformed, "key too large"};
  if (!LooksLikePem(text)) return ReadSpki(schema::AsBytes(text));
  const auto blocks = ParsePem(text, 1);
  if (!blocks) return Error{&kKeyMalformed, blocks.error().detail};
  const PemBlock& block = blocks->front();
  if (block.label == "PUBLIC KEY") return ReadSpki(block.der);
  if (block.label == "RSA PUBLIC KEY") return ReadRsaPublicKey(block.der);
  return Error{&kKeyMalformed, "PEM label is not PUBLIC KEY or RSA PUBLIC KEY"};
}

Result<RawKey> CheckPublicKey(const KeyRequest& request, std::string_view proof_message) {
  TRY(RawKey key, ReadPublicKey(request.public_key));
  TRY(CheckStrength(key));
  TRY(EVP_PKEY* const handle, LoadKey(key));
  TRY(VerifyProof(handle, key.type, schema::AsBytes(proof_message), request.proof));
  return key;
}

// The hash of a CSR is its own choice, so it is compared with the one the key goes with.
schema::Outcome CheckCsrAlgorithm(const Csr& csr) {
  const bool ec = FieldSize(csr.key.type) != 0;
  const bool same_type =
      ec ? FieldSize(csr.algorithm_type) != 0 : csr.algorithm_type == csr.key.type;
  if (!same_type) return Error{&kKeyAlgorithm, "CSR signature algorithm is for another key type"};
  if (csr.digest != DigestFor(csr.key.type)) {
    return Error{&kKeyAlgorithm,
                 "CSR hash does not go with " + std::string(AlgorithmName(csr.key))};
  }
  return schema::Ok();
}

Result<RawKey> CheckCsr(std::string_view text) {
  if (text.size() > schema::limits::kKeyBytes) return Error{&kCsrMalformed, "CSR too large"};
  const auto blocks = ParsePem(text, 1);
  if (!blocks) return Error{&kCsrMalformed, blocks.error().detail};
  const PemBlock& block = blocks->front();
  if (block.label != "CERTIFICATE REQUEST" && block.label != "NEW CERTIFICATE REQUEST") {
    return Error{&kCsrMalformed, "PEM label is not CERTIFICATE REQUEST"};
  }
  TRY(Csr csr, ReadCsr(block.der));
  TRY(CheckStrength(csr.key));
  TRY(CheckCsrAlgorithm(csr));
  // X.509 knows ECDSA signatures as DER only; the fixed-length form is for proofs.
  if (FieldSize(csr.key.type) != 0 && EcdsaDer(csr.signature, 0).empty()) {
    return Error{&kProofWrong, "CSR signature is not DER"};
  }
  TRY(EVP_PKEY* const handle, LoadKey(csr.key));
  TRY(VerifyProof(handle, csr.key.type, csr.signed_bytes, csr.signature));
  return std::move(csr.key);
}

}  // namespace

Result<SubjectKey> CheckRequest(const KeyRequest& request, std::string_view proof_message) {
  TRY(RawKey key,
      request.csr.empty() ? CheckPublicKey(request, proof_message) : CheckCsr(request.csr));
  SubjectKey subject;
  subject.algorithm_ = AlgorithmName(key);
  subject.hash_ = schema::Sha256(key.spki.view());
  subject.spki_ = std::move(key.spki);
  subject.key_bits_ = std::move(key.key_bits);
  return subject;
}

}  // namespace ca
