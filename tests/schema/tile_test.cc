#include "schema/log/tile.h"

#include <doctest/doctest.h>

#include "schema/log/leaf.h"
#include "tests/schema/octets.h"

namespace {

using schema::Bytes;
using schema::BytesView;
using schema::Hash;
using schema::San;
using schema::TimeMs;
using schema::tile::Kind;
using schema::tile::ParseDataTile;
using schema::tile::ParseEntryBundle;
using schema::tile::ParsePath;
using schema::tile::Tile;
using std::chrono::milliseconds;

const struct {
  std::string_view path;
  Tile tile;
} kPaths[] = {
    {"tile/0/000", {Kind::kHashes, 0, 0, 256}},
    {"tile/0/x001/x234/067", {Kind::kHashes, 0, 1234067, 256}},  // the example of both standards
    {"tile/0/273.p/112", {Kind::kHashes, 0, 273, 112}},
    {"tile/1/001.p/1", {Kind::kHashes, 1, 1, 1}},
    {"tile/63/999.p/255", {Kind::kHashes, 63, 999, 255}},
    {"tile/2/x001/000", {Kind::kHashes, 2, 1000, 256}},
    {"tile/data/x123/456", {Kind::kData, 0, 123456, 256}},
    {"tile/entries/x072/x057/x594/x037/x927/935.p/9", {Kind::kEntries, 0, (1ULL << 56) - 1, 9}},
    {"tile/names/000.p/7", {Kind::kNames, 0, 0, 7}},
};

TEST_CASE("paths of tiles, both ways") {
  for (const auto& c : kPaths) {
    CAPTURE(c.path);
    CHECK_EQ(Path(c.tile), c.path);
    const auto tile = ParsePath(c.path);
    REQUIRE(tile);
    CHECK(*tile == c.tile);
  }
}

TEST_CASE("a path is written in one way only") {
  for (const std::string_view path : {
           "",
           "tile",
           "tile/",
           "tile/0",
           "tile/0/",
           "tile//000",
           "/tile/0/000",
           "tile/0/000/",
           "tile/0/0",
           "tile/0/0000",
           "tile/0/00",
           "tile/00/000",
           "tile/+1/000",
           "tile/-1/000",
           "tile/64/000",
           "tile/0/x000/001",
           "tile/0/001/002",
           "tile/0/x001",
           "tile/0/x001/x002",
           "tile/0/X001/002",
           "tile/0/x01/002",
           "tile/0/x1000/002",
           "tile/0/xx01/002",
           "tile/0/000.p",
           "tile/0/000.p/",
           "tile/0/000.p/0",
           "tile/0/000.p/256",
           "tile/0/000.p/01",
           "tile/0/000.p/-1",
           "tile/0/000.p/1/",
           "tile/0/000.p/1.p/1",
           "tile/0/.p/1",
           "tile/Data/000",
           "tile/data",
           "tile/issuer/000",
           "tile/8/data/000",
           "tile/0/000?",
           "tile/0/../000",
           "tile/0/x072/x057/x594/x037/x927/936",  // 2^56
           "tile/0/x999/x999/x999/x999/x999/x999/999",
           "tile/0/99999999999999999999999999",
       }) {
    CAPTURE(path);
    CHECK_FALSE(ParsePath(path));
  }
  CHECK_FALSE(ParsePath(std::string_view("tile/0/000\0", 11)));
}

// static-ct-api: 273 full level 0 tiles and one of 112, one full level 1 tile and one of 17, one
// level 2 tile of 1.
TEST_CASE("a tree of 70,000 leaves in tiles") {
  const std::vector<Tile> tiles = schema::tile::NewHashTiles(0, 70000);
  REQUIRE_EQ(tiles.size(), 277);
  for (std::uint64_t i = 0; i < 273; ++i) CHECK(tiles[i] == Tile{Kind::kHashes, 0, i, 256});
  CHECK(tiles[273] == Tile{Kind::kHashes, 0, 273, 112});
  CHECK(tiles[274] == Tile{Kind::kHashes, 1, 0, 256});
  CHECK(tiles[275] == Tile{Kind::kHashes, 1, 1, 17});
  CHECK(tiles[276] == Tile{Kind::kHashes, 2, 0, 1});
  CHECK_EQ(schema::tile::NewEntryTiles(Kind::kData, 0, 70000).size(), 274);
}

TEST_CASE("a tile grows until it is full") {
  const struct {
    std::uint64_t size;
    int level;
    std::uint64_t index;
    unsigned width;
  } kCases[] = {
      {0, 0, 0, 0},
      {1, 0, 0, 1},
      {255, 0, 0, 255},
      {256, 0, 0, 256},
      {256, 0, 1, 0},
      {255, 1, 0, 0},
      {256, 1, 0, 1},
      {257, 0, 1, 1},
      {65535, 1, 0, 255},
      {65536, 1, 0, 256},
      {65536, 2, 0, 1},
      {65536, 1, 1, 0},
      {std::uint64_t{1} << 40, 5, 0, 1},
      {~std::uint64_t{0}, 7, 0, 255},
      {~std::uint64_t{0}, 8, 0, 0},
      {~std::uint64_t{0}, 63, 0, 0},
      {~std::uint64_t{0}, 0, (std::uint64_t{1} << 56) - 1, 255},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.size);
    CAPTURE(c.level);
    CHECK_EQ(schema::tile::WidthIn(c.size, c.level, c.index), c.width);
  }
}

// What one copy after another writes is what the last would have written alone, but for partial
// tiles of the sizes between.
TEST_CASE("new tiles are those in which two sizes differ") {
  const std::uint64_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 65535, 65536, 65537, 70000, 131072};
  for (const std::uint64_t before : sizes) {
    for (const std::uint64_t after : sizes) {
      CAPTURE(before);
      CAPTURE(after);
      std::vector<Tile> want;
      for (const Tile& tile : schema::tile::NewHashTiles(0, after)) {
        if (schema::tile::WidthIn(before, tile.level, tile.index) < tile.width) {
          want.push_back(tile);
        }
      }
      if (before > after) want.clear();
      CHECK(schema::tile::NewHashTiles(before, after) == want);
    }
  }
}

constexpr std::string_view kTimestampedEntry =
    "0000019abcdef012"                                                  // ms
    "0001"                                                              // precert_entry
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"  // issuer key hash
    "000003 300130"                                                     // TBSCertificate
    "0008 00 0005 0102030405";                                          // leaf_index
constexpr std::string_view kRest =
    "000002 3001"  // precertificate
    "0040"         // two fingerprints
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

Hash Filled(std::uint8_t octet) {
  Hash hash;
  hash.fill(octet);
  return hash;
}

Bytes OneLeaf() { return Octets(std::string(kTimestampedEntry).append(kRest)); }

TEST_CASE("AppendTileLeaf writes static-ct-api's TileLeaf") {
  Hash key_hash;
  for (std::size_t i = 0; i < key_hash.size(); ++i) key_hash[i] = static_cast<std::uint8_t>(i);
  const auto leaf = schema::EncodeLeaf(TimeMs(milliseconds(0x19abcdef012)), 0x0102030405, key_hash,
                                       Octets("300130"));
  Bytes tile;
  schema::tile::AppendTileLeaf(tile, leaf.view(), Octets("3001"), {Filled(0xaa), Filled(0xbb)});
  CHECK_EQ(schema::Hex(tile), schema::Hex(OneLeaf()));
}

// The sizes of the first entry of a tree that TesseraCT wrote: TBS 1393, precertificate 1504, a
// chain of two.
TEST_CASE("a TileLeaf is as long as TesseraCT's") {
  const auto leaf = schema::EncodeLeaf(TimeMs{}, 0, Filled(1), Bytes(1393, 0x30));
  CHECK_EQ(leaf.size(), 1450);
  Bytes tile;
  schema::tile::AppendTileLeaf(tile, leaf.view(), Bytes(1504, 0x30), {Filled(2), Filled(3)});
  CHECK_EQ(tile.size(), 3021);
}

TEST_CASE("ParseDataTile reads what AppendTileLeaf writes") {
  Bytes tile = OneLeaf();
  const Bytes second = OneLeaf();
  tile.insert(tile.end(), second.begin(), second.end());
  const auto leaves = ParseDataTile(tile);
  REQUIRE(leaves);
  REQUIRE_EQ(leaves->size(), 2);
  for (const auto& leaf : *leaves) {
    const auto parsed = schema::ParseLeaf(leaf.leaf);
    REQUIRE(parsed);
    CHECK_EQ(parsed->index, 0x0102030405);
    CHECK(leaf.precertificate.bytes() == Octets("3001"));
    CHECK(leaf.chain == std::vector<Hash>{Filled(0xaa), Filled(0xbb)});
  }
}

TEST_CASE("ParseDataTile refuses everything else") {
  const Bytes whole = OneLeaf();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto leaves = ParseDataTile(BytesView(whole).first(size));
    REQUIRE_FALSE(leaves);
    CHECK(leaves.error().Is(schema::tile::kBadTile));
  }
  const struct {
    std::string_view name;
    std::size_t at;
    std::uint8_t octet;
  } kCases[] = {
      {"a timestamp beyond int64", 0, 0x80}, {"x509_entry", 9, 0x00},
      {"another extension", 50, 0x01},       {"a longer precertificate", 60, 0x03},
      {"half a fingerprint", 64, 0x30},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    Bytes tile = whole;
    REQUIRE_NE(tile[c.at], c.octet);
    tile[c.at] = c.octet;
    CHECK_FALSE(ParseDataTile(tile));
  }
  Bytes many;
  for (int i = 0; i < 256; ++i) many.insert(many.end(), whole.begin(), whole.end());
  CHECK(ParseDataTile(many));
  many.insert(many.end(), whole.begin(), whole.end());
  CHECK_FALSE(ParseDataTile(many));
}

TEST_CASE("an entry bundle is entries with their lengths") {
  Bytes bundle;
  schema::tile::AppendEntry(bundle, schema::AsBytes("{}"));
  schema::tile::AppendEntry(bundle, {});
  schema::tile::AppendEntry(bundle, Bytes(65535, 0x7a));
  CHECK_EQ(schema::Hex(BytesView(bundle).first(9)), schema::Hex(Octets("0002 7b7d 0000 ffff 7a")));
  const auto entries = ParseEntryBundle(bundle);
  REQUIRE(entries);
  REQUIRE_EQ(entries->size(), 3);
  CHECK_EQ(schema::AsText(entries->at(0)), "{}");
  CHECK_EQ(entries->at(1).size(), 0);
  CHECK_EQ(entries->at(2).size(), 65535);

  CHECK_FALSE(ParseEntryBundle({}));
  CHECK_FALSE(ParseEntryBundle(BytesView(bundle).first(1)));
  CHECK_FALSE(ParseEntryBundle(BytesView(bundle).first(3)));
  CHECK_FALSE(ParseEntryBundle(BytesView(bundle).first(bundle.size() - 1)));
  CHECK(ParseEntryBundle(Bytes(2 * 256)));
  CHECK_FALSE(ParseEntryBundle(Bytes(2 * 257)));
}

TEST_CASE("a line of a names tile") {
  const struct {
    San san;
    std::string_view line;
  } kCases[] = {
      {{San::Kind::kUri, "https://ci/w@main"},
       R"({"Issuer":"https://i","Timestamp":1753375092043,"URI":["https://ci/w@main"]})"},
      {{San::Kind::kEmail, "a@b"},
       R"({"Email":["a@b"],"Issuer":"https://i","Timestamp":1753375092043})"},
      {{San::Kind::kOtherName, "\"é\n"},
       R"({"Issuer":"https://i","OtherName":["\"é\n"],"Timestamp":1753375092043})"},
  };
  for (const auto& c : kCases) {
    CHECK_EQ(schema::tile::NamesLine(TimeMs(milliseconds(1753375092043)), c.san, "https://i"),
             std::string(c.line) + "\n");
  }
}

}  // namespace
