// RFC 6962 3.4: the Merkle tree leaf of a precertificate, with the static-ct-api leaf_index
// extension.
//
// The same octets are the leaf's hash input and the SCT's signed input (their second byte, 0, is
// both `timestamped_entry` and `certificate_timestamp`), so one builder serves both.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace schema {

using LeafBytes = Octets<struct LeafBytesTag>;

extern const ErrorKind kBadLeaf;

inline constexpr std::uint64_t kLeafIndexEnd = std::uint64_t{1} << 40;
// Milliseconds; a later u64 has no TimeMs.
inline constexpr std::uint64_t kTimestampMax = std::numeric_limits<std::int64_t>::max();

// The 8 octets 00 0005 index[5] (static-ct-api, leaf_index). index < 2^40.
std::array<std::uint8_t, 8> LeafIndexExtension(std::uint64_t index);
// The index when these are exactly such 8 octets. Safe on any bytes.
std::optional<std::uint64_t> ParseLeafIndexExtension(BytesView bytes);

struct Leaf {
  TimeMs timestamp;
  std::uint64_t index;
  Hash issuer_key_hash;  // SHA-256 of the issuing CA's SubjectPublicKeyInfo DER
  TbsDer tbs;            // TBSCertificate without poison and without SCT list
};

// timestamp from 1970 on; tbs of 1 to 2^24 - 1 octets.
LeafBytes EncodeLeaf(TimeMs timestamp, std::uint64_t index, const Hash& issuer_key_hash,
                     BytesView tbs);
// Exactly what EncodeLeaf writes, or kBadLeaf. Safe on any bytes.
Result<Leaf> ParseLeaf(BytesView bytes);

Hash LeafHash(BytesView leaf);                       // SHA-256(00 ‖ leaf)
Hash NodeHash(const Hash& left, const Hash& right);  // SHA-256(01 ‖ left ‖ right)

}  // namespace schema
