// RFC 6962 3.2 and 3.3: the signed certificate timestamp and its list, and 3.5: the signed tree
// head.
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/leaf.h"

namespace schema {

extern const ErrorKind kBadSct;

struct Sct {
  Hash log_id;  // SHA-256 of the log key's SubjectPublicKeyInfo DER
  TimeMs timestamp;
  std::uint64_t index;  // leaf_index extension
  Signature signature;  // ECDSA-Sig-Value DER over the leaf (sha256, ecdsa)
};

// The TLS SignedCertificateTimestampList with this one SCT: the content of the inner OCTET STRING.
Bytes EncodeSctList(const Sct& sct);
// Exactly one SCT of version 1, sha256/ecdsa, with exactly the leaf_index extension. Safe on any
// bytes.
Result<Sct> ParseSctList(BytesView bytes);

// The signed input of a tree head: 00 01 u64 ms u64 size root[32].
Bytes TreeHeadInput(TimeMs timestamp, std::uint64_t size, const Hash& root);
struct TreeHead {
  TimeMs timestamp;
  std::uint64_t size;
  Hash root;
};
// Exactly what TreeHeadInput writes, or kBadSct. Safe on any bytes.
Result<TreeHead> ParseTreeHeadInput(BytesView bytes);

// TLS DigitallySigned: 04 03 u16 length, signature (`tree_head_signature` of get-sth, before
// base64).
Bytes DigitallySigned(BytesView ecdsa_der);

}  // namespace schema
