// The issuing CA's public key, to check each signature before it leaves the house.
#pragma once

#include <memory>

#include "schema/base/bytes.h"
#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind
    kSelfCheck;  // kBusy: a signer returned a signature that does not verify

class IssuerKey {
 public:
  // kBadChain when `spki` is not an ECDSA P-256 key.
  static schema::Result<IssuerKey> Load(const schema::SpkiDer& spki);
  // ecdsa-with-SHA256 over `bytes`, in strict DER (RFC 5480, SEC 1 4.1.4). About half of what
  // EVP_PKEY_verify takes, which makes the same multiples of the key anew each time.
  // Thread-safe.
  schema::Outcome Verify(schema::BytesView bytes, const schema::Signature& signature) const;

 private:
  using Group = schema::Owned<EC_GROUP, EC_GROUP_free>;
  IssuerKey(Group curve, Group key) : curve_(std::move(curve)), key_(std::move(key)) {}

  bool Verifies(const schema::Hash& digest, const ECDSA_SIG* signature) const;

  Group curve_;  // P-256
  Group key_;    // the same curve with the public key as its generator, multiples of it at hand
};

}  // namespace ca
