#include "ca/audit/tree_check.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "schema/log/leaf.h"

namespace {

using ca::audit::Findings;
using schema::Bytes;
using schema::Hash;

class Files final : public ca::audit::Source {
 public:
  schema::Result<Bytes> Read(const std::string& path) const override {
    const auto found = files.find(path);
    if (found == files.end()) return schema::Error{&ca::audit::kUnreadable, path};
    return found->second;
  }
  std::map<std::string, Bytes> files;
};

Hash LeafAt(std::uint64_t i) {
  return schema::LeafHash(schema::AsBytes("leaf " + std::to_string(i)));
}

// Levels from 1 on, as a log of `size` leaves publishes them.
Files Publish(std::uint64_t size, Hash* root) {
  schema::merkle::Frontier frontier;
  std::vector<schema::merkle::Frontier::Stored> stored;
  for (std::uint64_t i = 0; i < size; ++i) frontier.Append(LeafAt(i), stored);
  *root = frontier.Root();
  std::map<int, std::map<std::uint64_t, Bytes>> tiles;
  for (const auto& [level, index, hash] : stored) {
    Bytes& tile = tiles[level][index / 256];
    tile.insert(tile.end(), hash.begin(), hash.end());
  }
  Files files;
  for (const auto& [level, of_level] : tiles) {
    if (level == 0) continue;
    for (const auto& [index, octets] : of_level) {
      const auto width = static_cast<unsigned>(octets.size() / 32);
      files.files[schema::tile::Path({schema::tile::Kind::kHashes, level, index, width})] = octets;
    }
  }
  return files;
}

Findings Check(const Files& files, std::uint64_t size, const Hash& root) {
  Findings findings;
  ca::audit::TreeCheck check("log", files, size);
  for (std::uint64_t i = 0; i < size; ++i) REQUIRE(check.Append(LeafAt(i), findings));
  REQUIRE(check.Finish(root, findings));
  return findings;
}

TEST_CASE("trees of every shape are proved") {
  for (const std::uint64_t size : {0, 1, 255, 256, 257, 512, 1000, 65536, 66000}) {
    CAPTURE(size);
    Hash root;
    const Files files = Publish(size, &root);
    CHECK(Check(files, size, root).empty());
  }
}

TEST_CASE("a full tile takes the place of a partial one") {
  Hash root, larger_root;
  const std::uint64_t size = 3 * 256;
  Publish(size, &root);
  const Files larger = Publish(65536, &larger_root);
  CHECK(Check(larger, size, root).empty());
}

TEST_CASE("another hash and another root are found") {
  Hash root;
  Files files = Publish(1000, &root);
  files.files["tile/1/000.p/3"][40] ^= 1;
  Findings findings = Check(files, 1000, root);
  REQUIRE_EQ(findings.total(), 1);
  CHECK_EQ(findings.kept().front().id, "tile-differs");
  CHECK_EQ(findings.kept().front().where, "log tile/1/000.p/3");
  files.files["tile/1/000.p/3"].resize(64);
  CHECK_EQ(Check(files, 1000, root).kept().front().id, "tile-differs");
  Hash other = root;
  other[0] ^= 1;
  findings = Check(Publish(1000, &root), 1000, other);
  REQUIRE_EQ(findings.total(), 1);
  CHECK_EQ(findings.kept().front().id, "root-differs");
}

TEST_CASE("a tile that is not there ends it") {
  Hash root;
  Publish(256, &root);
  const Files none;
  Findings findings;
  ca::audit::TreeCheck check("log", none, 256);
  for (std::uint64_t i = 0; i < 256; ++i) REQUIRE(check.Append(LeafAt(i), findings));
  const auto outcome = check.Finish(root, findings);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().Is(ca::audit::kUnreadable));
}

}  // namespace
