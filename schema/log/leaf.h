// RFC 6962 3.4: the Merkle tree leaf of a precertificate, with the static-ct-api leaf_index extension.
//
// The same octets are the leaf's hash input and the SCT's signed input (their second byte, 0, is both
// `timestamped_entry` and `certificate_timestamp`), so one builder serves both.
#pragma once

#include <cstdint>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace schema {

using LeafBytes = Octets<struct LeafBytesTag>;

extern const ErrorKind kBadLeaf;

// The 8 octets 00 0005 index[5] (static-ct-api, leaf_index). index < 2^40.
std::array<std::uint8_t, 8> LeafIndexExtension(std::uint64_t index);

struct Leaf {
  TimeMs timestamp;
  std::uint64_t index;
  Hash issuer_key_hash;  // SHA-256 of the issuing CA's SubjectPublicKeyInfo DER
  TbsDer tbs;            // TBSCertificate without poison and without SCT list
};

LeafBytes EncodeLeaf(TimeMs timestamp, std::uint64_t index, const Hash& issuer_key_hash, BytesView tbs);
// Exactly what EncodeLeaf writes, or kBadLeaf. Safe on any bytes.
Result<Leaf> ParseLeaf(BytesView bytes);

Hash LeafHash(BytesView leaf);                          // SHA-256(00 ‖ leaf)
Hash NodeHash(const Hash& left, const Hash& right);     // SHA-256(01 ‖ left ‖ right)

}  // namespace schema
