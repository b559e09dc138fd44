// Verifying a signature by a subject's key: proof of possession, or a CSR's own.
#pragma once

#include "ca/csr.h"
#include "ca/spki.h"

namespace ca {

// The digest that goes with a key: SHA-256 for RSA and P-256, SHA-384, SHA-512, none for Ed25519.
Digest DigestFor(KeyType type);

// ECDSA-Sig-Value DER (RFC 3279 2.2.3) from that or, when it is not that, from fixed-length r ‖ s
// (IEEE P1363). r and s are positive. Empty when it is neither.
schema::Bytes EcdsaDer(schema::BytesView signature, std::size_t field_size);

// kProofWrong unless `signature` is by `key` over `message` with DigestFor(type): ECDSA in either
// form of EcdsaDer, RSA PKCS#1 v1.5, Ed25519. Thread-safe. About 45 µs for P-256.
schema::Outcome VerifyProof(EVP_PKEY* key, KeyType type, schema::BytesView message,
                            schema::BytesView signature);

}  // namespace ca
