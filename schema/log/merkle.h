// RFC 6962 2.1: Merkle tree heads, audit paths and consistency proofs, as pure functions over a
// hash reader.
//
// A tree of n leaves is stored as the hashes of its complete subtrees of 256^level leaves: level 0
// are leaf hashes, level 1 the roots of 256 leaves, and so on (the tiling of tlog-tiles).
// Everything else is computed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace schema::merkle {

extern const ErrorKind kBadProof;  // a proof that does not verify, or sizes that make no sense

// Exactly the hashes [first, first + count) of `level`, all complete subtrees, or an error;
// count <= 256, never across a multiple of 256.
using HashReader =
    std::function<Result<std::vector<Hash>>(int level, std::uint64_t first, std::size_t count)>;

// The hash of the empty tree, SHA-256("").
Hash EmptyRoot();

// The root of the first `size` leaves.
Result<Hash> Root(std::uint64_t size, const HashReader& read);
// RFC 6962 2.1.1 PATH(index, D[size]); index < size.
Result<std::vector<Hash>> InclusionProof(std::uint64_t index, std::uint64_t size,
                                         const HashReader& read);
// RFC 6962 2.1.2 PROOF(first, D[second]); first <= second. Empty when first is 0 or equals second.
Result<std::vector<Hash>> ConsistencyProof(std::uint64_t first, std::uint64_t second,
                                           const HashReader& read);

// RFC 9162 2.1.3.2 and 2.1.4.2. kBadProof unless the proof is exact. The empty tree is consistent
// with every tree.
Outcome VerifyInclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                        const std::vector<Hash>& proof, const Hash& root);
Outcome VerifyConsistency(std::uint64_t first, const Hash& first_root, std::uint64_t second,
                          const Hash& second_root, const std::vector<Hash>& proof);

// The growing edge of a tree: what an append needs, in O(log n) memory.
class Frontier {
 public:
  struct Stored {  // a hash that became complete and is to be stored
    int level;
    std::uint64_t index;
    Hash hash;
  };

  // The edge of a stored tree of `size` leaves.
  static Result<Frontier> Load(std::uint64_t size, const HashReader& read);
  Frontier() = default;

  std::uint64_t size() const { return size_; }
  // Adds one leaf; appends to `stored` the leaf hash and every 256-tile root it completed.
  void Append(const Hash& leaf, std::vector<Stored>& stored);
  Hash Root() const;

 private:
  std::uint64_t size_ = 0;
  // Roots of the complete subtrees, one per one-bit of size_, largest first.
  std::vector<Hash> peaks_;
};

}  // namespace schema::merkle
