// The few OpenSSL calls that both kinds of key share.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// ECDSA-Sig-Value with two 33-octet INTEGERs (RFC 3279 2.2.3).
inline constexpr std::size_t kP256SignatureBytesMax = 72;

// RFC 5480 2.1.1: SubjectPublicKeyInfo of an uncompressed P-256 point, all but the point's 64
// octets.
inline constexpr std::array<std::uint8_t, 27> kP256SpkiHead = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

schema::Hash Sha256Of(schema::BytesView message);
// kKeyUnusable unless `key` is an EC key on P-256.
schema::Result<schema::SpkiDer> P256Spki(EVP_PKEY* key);
// Whether the ECDSA P-256 `signature` over SHA-256 of `message` is that of `spki`.
bool VerifyP256(const schema::SpkiDer& spki, schema::BytesView message,
                schema::BytesView signature);

}  // namespace hsm
