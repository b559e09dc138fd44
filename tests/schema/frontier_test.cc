#include <doctest/doctest.h>

#include "schema/log/merkle.h"
#include "tests/schema/memory_tree.h"

namespace {

using schema::merkle::Frontier;

// 70,000 is the example of tlog-tiles: 273 full tiles of level 0, one of level 1.
constexpr std::uint64_t kSize = 70'100;

bool IsNearTileBoundary(std::uint64_t size) {
  const std::uint64_t within = size % 256;
  return (within <= 1 || within == 255) && (size / 256 % 16 <= 1 || size >= 65'000);
}

TEST_CASE("Frontier and Root agree over tile levels") {
  MemoryTree tree;
  std::size_t compared = 0;
  for (std::uint64_t size = 1; size <= kSize; ++size) {
    tree.Append(LeafNumber(size - 1));
    if (size > 600 && size != 70'000 && size % 997 != 0 && !IsNearTileBoundary(size)) continue;
    const auto root = schema::merkle::Root(size, tree.Reader());
    REQUIRE(root);
    REQUIRE(*root == tree.frontier.Root());
    ++compared;
  }
  CHECK(compared > 700);
  CHECK_EQ(tree.frontier.size(), kSize);
  REQUIRE_EQ(tree.levels.size(), 3);
  CHECK_EQ(tree.levels[0].size(), kSize);
  CHECK_EQ(tree.levels[1].size(), 273);
  CHECK_EQ(tree.levels[2].size(), 1);
}

TEST_CASE("a loaded Frontier goes on as the one that never stopped") {
  const MemoryTree whole = TreeOf(kSize);
  for (const std::uint64_t start : {0u, 1u, 2u, 255u, 256u, 257u, 1000u, 65'279u, 65'535u, 65'536u,
                                    65'537u, 69'888u, 70'000u}) {
    CAPTURE(start);
    auto loaded = Frontier::Load(start, whole.Reader());
    REQUIRE(loaded);
    REQUIRE_EQ(loaded->size(), start);
    std::vector<Frontier::Stored> stored;
    const std::uint64_t end = std::min<std::uint64_t>(start + 600, kSize);
    for (std::uint64_t n = start; n < end; ++n) loaded->Append(LeafNumber(n), stored);
    CHECK(loaded->Root() == *schema::merkle::Root(end, whole.Reader()));
    for (const Frontier::Stored& one : stored) {
      REQUIRE(one.hash == whole.levels.at(static_cast<std::size_t>(one.level)).at(one.index));
    }
    const auto complete = [](std::uint64_t size) { return size / 256 + size / 65'536; };
    CHECK_EQ(stored.size(), end - start + complete(end) - complete(start));
  }
}

TEST_CASE("the empty Frontier") {
  const Frontier frontier;
  CHECK_EQ(frontier.size(), 0);
  CHECK(frontier.Root() == schema::merkle::EmptyRoot());
}

TEST_CASE("proofs across tile levels verify") {
  const MemoryTree tree = TreeOf(kSize);
  const auto read = tree.Reader();
  for (const std::uint64_t size : {65'535u, 65'536u, 65'537u, 70'000u, 70'100u}) {
    const auto root = schema::merkle::Root(size, read);
    for (const std::uint64_t at : {1u, 255u, 256u, 65'279u, 65'534u, 65'535u, 65'536u, 69'999u}) {
      if (at >= size) continue;
      CAPTURE(size);
      CAPTURE(at);
      const auto proof = schema::merkle::InclusionProof(at, size, read);
      REQUIRE(proof);
      CHECK(schema::merkle::VerifyInclusion(LeafNumber(at), at, size, *proof, *root));
      const auto consistency = schema::merkle::ConsistencyProof(at, size, read);
      REQUIRE(consistency);
      const auto earlier = schema::merkle::Root(at, read);
      CHECK(schema::merkle::VerifyConsistency(at, *earlier, size, *root, *consistency));
    }
  }
}

}  // namespace
