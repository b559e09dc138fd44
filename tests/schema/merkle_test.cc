#include "schema/log/merkle.h"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

#include "schema/base/bytes.h"
#include "tests/schema/memory_tree.h"

namespace {

using schema::Hash;
using schema::Result;
using namespace schema::merkle;

constexpr std::size_t kExhaustive =
    129;  // one past a power of two, past any special case of small trees
constexpr std::size_t kEveryBit = 20;  // up to here every single bit is flipped

Hashes FirstLeaves(std::size_t count) {
  Hashes leaves;
  for (std::size_t n = 0; n < count; ++n) leaves.push_back(LeafNumber(n));
  return leaves;
}

Hash Flip(Hash hash, std::size_t bit) {
  hash[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  return hash;
}

// Calls `accepts` with every proof that differs from `proof` in one bit, and with some of another
// length. Without `every_bit`, one bit of each hash that `salt` chooses.
template <class Accepts>
void NoneAccepted(const Hashes& proof, bool every_bit, std::size_t salt, const Accepts& accepts) {
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    Hashes changed = proof;
    for (std::size_t bit = 0; bit < 256; ++bit) {
      if (!every_bit && bit != (salt * 31 + i * 7) % 256) continue;
      changed[i] = Flip(proof[i], bit);
      accepted += accepts(changed) ? 1 : 0;
    }
  }
  Hashes longer = proof;
  longer.push_back(LeafNumber(salt));
  accepted += accepts(longer) ? 1 : 0;
  longer = proof;
  longer.insert(longer.begin(), LeafNumber(salt));
  accepted += accepts(longer) ? 1 : 0;
  if (!proof.empty()) {
    accepted += accepts(Hashes(proof.begin(), proof.end() - 1)) ? 1 : 0;
    accepted += accepts(Hashes(proof.begin() + 1, proof.end())) ? 1 : 0;
  }
  CHECK_EQ(accepted, 0);
}

TEST_CASE("roots are RFC 6962 2.1's") {
  const Hashes leaves = FirstLeaves(kExhaustive);
  const MemoryTree tree = TreeOf(kExhaustive);
  for (std::size_t size = 0; size <= kExhaustive; ++size) {
    CAPTURE(size);
    const auto root = Root(size, tree.Reader());
    REQUIRE(root);
    CHECK(*root == Naive{leaves}.Mth(0, size));
  }
}

TEST_CASE("inclusion proofs are RFC 6962 2.1.1's, verify, and only they do") {
  const Hashes leaves = FirstLeaves(kExhaustive);
  const MemoryTree tree = TreeOf(kExhaustive);
  const Naive naive{leaves};
  for (std::size_t size = 1; size <= kExhaustive; ++size) {
    const Hash root = naive.Mth(0, size);
    for (std::size_t index = 0; index < size; ++index) {
      CAPTURE(size);
      CAPTURE(index);
      const auto proof = InclusionProof(index, size, tree.Reader());
      REQUIRE(proof);
      CHECK(*proof == naive.Path(index, 0, size));
      const Hash& leaf = leaves[index];
      CHECK(VerifyInclusion(leaf, index, size, *proof, root));
      NoneAccepted(*proof, size <= kEveryBit, index, [&](const Hashes& changed) {
        return VerifyInclusion(leaf, index, size, changed, root).has_value();
      });
      CHECK_FALSE(VerifyInclusion(Flip(leaf, size % 256), index, size, *proof, root));
      CHECK_FALSE(VerifyInclusion(leaf, index, size, *proof, Flip(root, index)));
      if (index + 1 < size) CHECK_FALSE(VerifyInclusion(leaf, index + 1, size, *proof, root));
      if (index > 0) CHECK_FALSE(VerifyInclusion(leaf, index - 1, size, *proof, root));
    }
  }
}

TEST_CASE("consistency proofs are RFC 6962 2.1.2's, verify, and only they do") {
  const Hashes leaves = FirstLeaves(kExhaustive);
  const MemoryTree tree = TreeOf(kExhaustive);
  const Naive naive{leaves};
  for (std::size_t second = 0; second <= kExhaustive; ++second) {
    const Hash second_root = naive.Mth(0, second);
    for (std::size_t first = 0; first <= second; ++first) {
      CAPTURE(first);
      CAPTURE(second);
      const Hash first_root = naive.Mth(0, first);
      const auto proof = ConsistencyProof(first, second, tree.Reader());
      REQUIRE(proof);
      CHECK(*proof == (first == 0 ? Hashes{} : naive.SubProof(first, 0, second, true)));
      CHECK(VerifyConsistency(first, first_root, second, second_root, *proof));
      NoneAccepted(*proof, second <= kEveryBit, first, [&](const Hashes& changed) {
        return VerifyConsistency(first, first_root, second, second_root, changed).has_value();
      });
      const Hash wrong_first = Flip(first_root, second);
      CHECK_FALSE(VerifyConsistency(first, wrong_first, second, second_root, *proof));
      // Nothing follows from the empty tree.
      const Hash wrong_second = Flip(second_root, first);
      CHECK_EQ(VerifyConsistency(first, first_root, second, wrong_second, *proof).has_value(),
               first == 0 && second != 0);
    }
  }
}

TEST_CASE("sizes that make no sense are kBadProof") {
  const MemoryTree tree = TreeOf(8);
  const Hash root = tree.frontier.Root();
  CHECK(InclusionProof(8, 8, tree.Reader()).error().Is(kBadProof));
  CHECK(InclusionProof(0, 0, tree.Reader()).error().Is(kBadProof));
  CHECK(ConsistencyProof(9, 8, tree.Reader()).error().Is(kBadProof));
  CHECK(VerifyInclusion(root, 1, 1, {}, root).error().Is(kBadProof));
  CHECK(VerifyInclusion(root, 0, 0, {}, root).error().Is(kBadProof));
  CHECK(VerifyConsistency(8, root, 7, root, {}).error().Is(kBadProof));
  CHECK(VerifyConsistency(0, root, 8, root, {}).error().Is(kBadProof));
}

// Leaves and roots in use since Certificate Transparency's first implementations.
TEST_CASE("known roots") {
  const schema::Bytes kLeaves[] = {
      {},
      {0x00},
      {0x10},
      {0x20, 0x21},
      {0x30, 0x31},
      {0x40, 0x41, 0x42, 0x43},
      {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57},
      {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
       0x6f},
  };
  constexpr std::string_view kRoots[] = {
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  };
  MemoryTree tree;
  CHECK_EQ(schema::Hex(tree.frontier.Root()), kRoots[0]);
  CHECK_EQ(schema::Hex(EmptyRoot()), kRoots[0]);
  for (std::size_t i = 0; i < std::size(kLeaves); ++i) {
    tree.Append(schema::LeafHash(kLeaves[i]));
    CHECK_EQ(schema::Hex(tree.frontier.Root()), kRoots[i + 1]);
  }
}

// The tree of seven leaves drawn in RFC 9162 2.1.5, its nodes named as there.
TEST_CASE("the proofs of RFC 9162 2.1.5") {
  const Hashes d = FirstLeaves(7);
  const Hash a = d[0], b = d[1], c = d[2], e = d[4], f = d[5], j = d[6], dd = d[3];
  const Hash g = schema::NodeHash(a, b), h = schema::NodeHash(c, dd), i = schema::NodeHash(e, f);
  const Hash k = schema::NodeHash(g, h), l = schema::NodeHash(i, j);
  const Hash root = schema::NodeHash(k, l);
  const MemoryTree tree = TreeOf(7);
  const HashReader read = tree.Reader();
  CHECK(*Root(7, read) == root);
  CHECK(*InclusionProof(0, 7, read) == Hashes{b, h, l});
  CHECK(*InclusionProof(3, 7, read) == Hashes{c, g, l});
  CHECK(*InclusionProof(4, 7, read) == Hashes{f, j, k});
  CHECK(*InclusionProof(6, 7, read) == Hashes{i, k});
  CHECK(*ConsistencyProof(3, 7, read) == Hashes{c, dd, g, l});
  CHECK(*ConsistencyProof(4, 7, read) == Hashes{l});
  CHECK(*ConsistencyProof(6, 7, read) == Hashes{i, j, k});
}

// Every leaf the same, so every complete subtree of a height too: a tree of any size for nothing.
HashReader EndlessTree() {
  return [](int level, std::uint64_t, std::size_t count) -> Result<std::vector<Hash>> {
    Hash hash = LeafNumber(0);
    for (int height = 0; height < level * 8; ++height) hash = schema::NodeHash(hash, hash);
    return Hashes(count, hash);
  };
}

TEST_CASE("trees as large as a number can say") {
  constexpr std::uint64_t kSizes[] = {(std::uint64_t{1} << 40) - 1,
                                      (std::uint64_t{1} << 63) + 12345, ~std::uint64_t{0}};
  for (const std::uint64_t size : kSizes) {
    CAPTURE(size);
    const auto root = Root(size, EndlessTree());
    REQUIRE(root);
    for (const std::uint64_t index : {std::uint64_t{0}, size / 2, size / 3, size - 1}) {
      CAPTURE(index);
      const auto proof = InclusionProof(index, size, EndlessTree());
      REQUIRE(proof);
      CHECK(VerifyInclusion(LeafNumber(0), index, size, *proof, *root));
      const auto first_root = Root(index, EndlessTree());
      const auto consistency = ConsistencyProof(index, size, EndlessTree());
      REQUIRE(consistency);
      CHECK(VerifyConsistency(index, *first_root, size, *root, *consistency));
    }
  }
}

TEST_CASE("a reader's error is passed on as it is") {
  const schema::ErrorKind broken{"broken", schema::Fault::kUs, "broken"};
  const HashReader read = [&](int, std::uint64_t, std::size_t) -> Result<std::vector<Hash>> {
    return schema::Error{&broken, "disk"};
  };
  CHECK(Root(3, read).error().Is(broken));
  CHECK(InclusionProof(1, 3, read).error().Is(broken));
  CHECK(ConsistencyProof(1, 3, read).error().Is(broken));
  CHECK(ConsistencyProof(3, 5, read).error().Is(broken));
  CHECK(Frontier::Load(3, read).error().Is(broken));
}

}  // namespace
