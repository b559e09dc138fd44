// A public key to check signatures with, by OpenSSL's own verification from end to end.
#pragma once

#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace ca::audit {

extern const schema::ErrorKind kBadKey;  // kCaller: not a key the logs or the CA can have

// ECDSA P-256 with SHA-256 or Ed25519. Thread-safe.
class PublicKey {
 public:
  // SubjectPublicKeyInfo, or the 32 octets of an Ed25519 key.
  static schema::Result<PublicKey> Load(schema::BytesView spki);
  static schema::Result<PublicKey> LoadEd25519(schema::BytesView octets);

  bool Verifies(schema::BytesView bytes, schema::BytesView signature) const;

 private:
  PublicKey(schema::OwnedKey key, const EVP_MD* digest) : key_(std::move(key)), digest_(digest) {}
  schema::OwnedKey key_;
  const EVP_MD* digest_;  // null for Ed25519
};

}  // namespace ca::audit
