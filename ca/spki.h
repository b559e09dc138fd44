// SubjectPublicKeyInfo (RFC 5280 4.1.2.7) and PKCS#1 RSAPublicKey, read strictly and without
// OpenSSL's decoders, which cost 110 to 290 µs a key where this costs 1 µs and Load 2 µs.
#pragma once

#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace ca {

enum class KeyType { kP256, kP384, kP521, kRsa, kEd25519 };

// Octets of a coordinate, and of r and s in a fixed-length signature; 0 for RSA and Ed25519.
std::size_t FieldSize(KeyType type);

// Read, neither judged (key_strength.h) nor known to be a point of its curve (LoadKey).
struct RawKey {
  KeyType type;
  schema::SpkiDer spki;    // encoded by us
  schema::Bytes key_bits;  // content of the BIT STRING
  schema::Bytes modulus;   // RSA only: big-endian magnitude
  schema::Bytes exponent;
};

// kKeyMalformed (request.h) unless `der` is exactly one DER SubjectPublicKeyInfo of
//   id-ecPublicKey   named curve P-256, P-384 or P-521; uncompressed point (RFC 5480 2.1.1, 2.2)
//   rsaEncryption    parameters NULL (RFC 3279 2.3.1)
//   id-Ed25519       no parameters (RFC 8410 3)
// Safe on any bytes (tests/fuzz/spki_fuzz.cc).
schema::Result<RawKey> ReadSpki(schema::BytesView der);

// RFC 8017 A.1.1, the body of "RSA PUBLIC KEY".
schema::Result<RawKey> ReadRsaPublicKey(schema::BytesView der);

// For OpenSSL. Borrowed from this thread, whose next LoadKey makes it another key. kKeyMalformed
// for a point that is not on its curve.
schema::Result<EVP_PKEY*> LoadKey(const RawKey& key);

}  // namespace ca
