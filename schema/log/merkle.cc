#include "schema/log/merkle.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "schema/log/leaf.h"

namespace schema::merkle {

const ErrorKind kBadProof{"bad-proof", Fault::kCaller,
                          "the tree sizes, the index or the proof do not fit each other"};

namespace {

constexpr int kTileHeight = 8;  // tlog-tiles: a stored level is 256 times the one below

Error Bad(std::string_view why) { return Error{&kBadProof, std::string(why)}; }

// The hash of complete subtree number `index` of 2^height leaves, folded from the stored level
// below it.
Result<Hash> Subtree(int height, std::uint64_t index, const HashReader& read) {
  const int within = height % kTileHeight;
  TRY(std::vector<Hash> hashes,
      read(height / kTileHeight, index << within, std::size_t{1} << within));
  MUST(hashes.size() == std::size_t{1} << within);
  for (std::size_t left = hashes.size(); left > 1; left /= 2) {
    for (std::size_t i = 0; i < left / 2; ++i)
      hashes[i] = NodeHash(hashes[2 * i], hashes[2 * i + 1]);
  }
  return hashes[0];
}

// The complete subtrees that leaves [begin, end) consist of, largest first. `begin` is a multiple
// of a power of two that is not less than end - begin, as every range of RFC 6962 2.1 is.
Result<std::vector<Hash>> Peaks(std::uint64_t begin, std::uint64_t end, const HashReader& read) {
  std::vector<Hash> peaks;
  while (begin < end) {
    const int height = static_cast<int>(std::bit_width(end - begin)) - 1;
    TRY(const Hash hash, Subtree(height, begin >> height, read));
    peaks.push_back(hash);
    begin += std::uint64_t{1} << height;
  }
  return peaks;
}

// Right to left: the last peak is the deepest right edge. The one of no leaves is the empty tree's.
Hash Fold(const std::vector<Hash>& peaks) {
  if (peaks.empty()) return EmptyRoot();
  Hash root = peaks.back();
  for (std::size_t i = peaks.size() - 1; i-- > 0;) root = NodeHash(peaks[i], root);
  return root;
}

// MTH(D[begin:end]) of RFC 6962 2.1.
Result<Hash> RangeRoot(std::uint64_t begin, std::uint64_t end, const HashReader& read) {
  TRY(const std::vector<Hash> peaks, Peaks(begin, end, read));
  return Fold(peaks);
}

// The largest power of two smaller than count; count > 1 (RFC 6962 2.1).
std::uint64_t Split(std::uint64_t count) { return std::bit_floor(count - 1); }

}  // namespace

Hash EmptyRoot() {
  static const Hash kEmpty = Sha256({});
  return kEmpty;
}

Result<Hash> Root(std::uint64_t size, const HashReader& read) { return RangeRoot(0, size, read); }

Result<std::vector<Hash>> InclusionProof(std::uint64_t index, std::uint64_t size,
                                         const HashReader& read) {
  if (index >= size) return Bad("the index is not below the tree size");
  // RFC 6962 2.1.1 as a walk from the root down, so the siblings come in reverse.
  std::vector<Hash> proof;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + Split(end - begin);
    const bool left = index < middle;
    TRY(const Hash sibling, left ? RangeRoot(middle, end, read) : RangeRoot(begin, middle, read));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::ranges::reverse(proof);
  return proof;
}

Result<std::vector<Hash>> ConsistencyProof(std::uint64_t first, std::uint64_t second,
                                           const HashReader& read) {
  if (first > second) return Bad("the first tree size is larger than the second");
  std::vector<Hash> proof;
  if (first == 0 || first == second) return proof;
  // RFC 6962 2.1.2 SUBPROOF as a walk from the root down to the end of the first tree; `known` is
  // its b: the verifier has the subtree's hash, which is the first root.
  bool known = true;
  std::uint64_t begin = 0;
  std::uint64_t end = second;
  while (end != first) {
    const std::uint64_t middle = begin + Split(end - begin);
    const bool left = first <= middle;
    TRY(const Hash sibling, left ? RangeRoot(middle, end, read) : RangeRoot(begin, middle, read));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
    known = known && left;
  }
  if (!known) {
    TRY(const Hash last, RangeRoot(begin, end, read));
    proof.push_back(last);
  }
  std::ranges::reverse(proof);
  return proof;
}

// RFC 9162 2.1.3.2; its fn and sn are node numbers at the level reached.
Outcome VerifyInclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                        const std::vector<Hash>& proof, const Hash& root) {
  if (index >= size) return Bad("the index is not below the tree size");
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (sn == 0) return Bad("the inclusion proof is too long");
    if (fn % 2 == 1 || fn == sn) {
      hash = NodeHash(sibling, hash);
      while (fn % 2 == 0 && fn != 0) {
        fn /= 2;
        sn /= 2;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    fn /= 2;
    sn /= 2;
  }
  if (sn != 0) return Bad("the inclusion proof is too short");
  if (hash != root) return Bad("the inclusion proof leads to another root");
  return Ok();
}

// RFC 9162 2.1.4.2, to which the cases without a proof are added.
Outcome VerifyConsistency(std::uint64_t first, const Hash& first_root, std::uint64_t second,
                          const Hash& second_root, const std::vector<Hash>& proof) {
  if (first > second) return Bad("the first tree size is larger than the second");
  if (first == 0 && first_root != EmptyRoot()) return Bad("a wrong root of the empty tree");
  if (first == second && first_root != second_root) return Bad("two roots of one tree size");
  if (first == 0 || first == second) {
    return proof.empty() ? Ok() : Outcome(Bad("the consistency proof is too long"));
  }
  std::uint64_t fn = first - 1;
  std::uint64_t sn = second - 1;
  const int shared = std::countr_one(fn);
  fn >>= shared;
  sn >>= shared;
  // Step 1: the first tree is one complete subtree exactly when nothing is left of fn, and then its
  // hash is not repeated in the proof.
  auto next = proof.begin();
  const bool complete = fn == 0;
  if (!complete && next == proof.end()) return Bad("the consistency proof is too short");
  Hash first_hash = complete ? first_root : *next++;
  Hash second_hash = first_hash;
  for (; next != proof.end(); ++next) {
    if (sn == 0) return Bad("the consistency proof is too long");
    if (fn % 2 == 1 || fn == sn) {
      first_hash = NodeHash(*next, first_hash);
      second_hash = NodeHash(*next, second_hash);
      while (fn % 2 == 0 && fn != 0) {
        fn /= 2;
        sn /= 2;
      }
    } else {
      second_hash = NodeHash(second_hash, *next);
    }
    fn /= 2;
    sn /= 2;
  }
  if (sn != 0) return Bad("the consistency proof is too short");
  if (first_hash != first_root) return Bad("the consistency proof leads to another first root");
  if (second_hash != second_root) return Bad("the consistency proof leads to another second root");
  return Ok();
}

Result<Frontier> Frontier::Load(std::uint64_t size, const HashReader& read) {
  Frontier frontier;
  TRY(frontier.peaks_, Peaks(0, size, read));
  frontier.size_ = size;
  return frontier;
}

void Frontier::Append(const Hash& leaf, std::vector<Stored>& stored) {
  stored.push_back({0, size_, leaf});
  Hash hash = leaf;
  // As an addition carries: every one-bit at the bottom of size_ is a peak that the new one
  // completes.
  int height = 0;
  for (; (size_ >> height) % 2 == 1; ++height) {
    hash = NodeHash(peaks_.back(), hash);
    peaks_.pop_back();
    if ((height + 1) % kTileHeight == 0) {
      stored.push_back({(height + 1) / kTileHeight, size_ >> (height + 1), hash});
    }
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash Frontier::Root() const { return Fold(peaks_); }

}  // namespace schema::merkle
