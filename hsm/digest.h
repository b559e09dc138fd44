// The few OpenSSL calls that both kinds of key share.
#pragma once

#include <openssl/evp.h>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// ECDSA-Sig-Value with two 33-octet INTEGERs (RFC 3279 2.2.3).
inline constexpr std::size_t kP256SignatureBytesMax = 72;

schema::Hash Sha256Of(schema::BytesView message);
// kKeyUnusable unless `key` is an EC key on P-256.
schema::Result<schema::SpkiDer> P256Spki(EVP_PKEY* key);
// Whether the ECDSA P-256 `signature` over SHA-256 of `message` is that of `spki`.
bool VerifyP256(const schema::SpkiDer& spki, schema::BytesView message,
                schema::BytesView signature);

}  // namespace hsm
