// One public key of an issuer (RFC 7517 4), ready to verify.
#pragma once

#include <array>
#include <string>

#include "oidc/algorithm.h"
#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadJwk;

class PublicKey {
 public:
  // RSA of 2048 to 8192 bits with an odd exponent from 65537 up to 32 bits, EC on P-256, P-384 or
  // P-521, OKP on Ed25519. kBadJwk for any other key, one not meant for signatures (`use`,
  // `key_ops`, `alg`), and one that publishes its private part.
  static schema::Result<PublicKey> Parse(const schema::Json& jwk);

  const std::string& kid() const { return kid_; }  // empty: none
  // False when the key's type, curve or own `alg` is another.
  bool Fits(const Algorithm& algorithm) const { return prepared_[IndexOf(algorithm)] != nullptr; }
  // `signature` as in a JWS: r‖s of exact length for ES. Needs Fits. Thread-safe.
  bool Verify(const Algorithm& algorithm, schema::BytesView input,
              schema::BytesView signature) const;

 private:
  PublicKey() = default;
  schema::Outcome Prepare(std::string_view alg, KeyType type, std::string_view curve);

  std::string kid_;
  schema::OwnedKey key_;
  // Per algorithm that fits: a context after DigestVerifyInit. Copying one costs 2 µs less than
  // making it.
  std::array<schema::OwnedDigestContext, kAlgorithms.size()> prepared_;
};

}  // namespace oidc
