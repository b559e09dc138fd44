// A Merkle tree in memory, and RFC 6962 2.1 written down once more as plainly as it stands there.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "schema/log/leaf.h"
#include "schema/log/merkle.h"

using Hashes = std::vector<schema::Hash>;

inline schema::Hash LeafNumber(std::uint64_t n) {
  schema::Bytes leaf(8);
  for (int i = 0; i < 8; ++i) {
    leaf[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(n >> (8 * (7 - i)));
  }
  return schema::LeafHash(leaf);
}

// Grown by a Frontier, as the log's store is; read under the terms of HashReader.
struct MemoryTree {
  schema::merkle::Frontier frontier;
  std::vector<Hashes> levels;

  void Append(const schema::Hash& leaf) {
    std::vector<schema::merkle::Frontier::Stored> stored;
    frontier.Append(leaf, stored);
    for (const auto& one : stored) {
      const auto level = static_cast<std::size_t>(one.level);
      if (level == levels.size()) levels.emplace_back();
      REQUIRE(level < levels.size());
      REQUIRE_EQ(one.index, levels[level].size());
      levels[level].push_back(one.hash);
    }
  }

  schema::merkle::HashReader Reader() const {
    return [this](int level, std::uint64_t first,
                  std::size_t count) -> schema::Result<std::vector<schema::Hash>> {
      REQUIRE(count >= 1);
      REQUIRE(count <= 256);
      REQUIRE_EQ(first / 256, (first + count - 1) / 256);
      const Hashes& hashes = levels.at(static_cast<std::size_t>(level));
      REQUIRE(first + count <= hashes.size());
      const auto begin = hashes.begin() + static_cast<std::ptrdiff_t>(first);
      return Hashes(begin, begin + static_cast<std::ptrdiff_t>(count));
    };
  }
};

inline MemoryTree TreeOf(std::uint64_t size) {
  MemoryTree tree;
  for (std::uint64_t n = 0; n < size; ++n) tree.Append(LeafNumber(n));
  return tree;
}

// D[begin:end] are leaf hashes; k is the largest power of two smaller than n.
struct Naive {
  const Hashes& leaves;

  static std::size_t K(std::size_t n) {
    std::size_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  }
  schema::Hash Mth(std::size_t begin, std::size_t end) const {
    if (begin == end) return schema::Sha256({});
    if (end - begin == 1) return leaves[begin];
    const std::size_t k = K(end - begin);
    return schema::NodeHash(Mth(begin, begin + k), Mth(begin + k, end));
  }
  Hashes Path(std::size_t m, std::size_t begin, std::size_t end) const {
    if (end - begin == 1) return {};
    const std::size_t k = K(end - begin);
    Hashes path = m < k ? Path(m, begin, begin + k) : Path(m - k, begin + k, end);
    path.push_back(m < k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return path;
  }
  Hashes SubProof(std::size_t m, std::size_t begin, std::size_t end, bool b) const {
    const std::size_t n = end - begin;
    if (m == n) return b ? Hashes{} : Hashes{Mth(begin, end)};
    const std::size_t k = K(n);
    Hashes proof =
        m <= k ? SubProof(m, begin, begin + k, b) : SubProof(m - k, begin + k, end, false);
    proof.push_back(m <= k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return proof;
  }
};
