// Tiles: both trees again out of their octets, what they hold, and what is not there.
#include "ca/log/tiles.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "schema/base/json.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"
#include "tests/ca/log/house.h"

namespace {

using ca::LogName;
using ca::Reader;
using log_test::House;
using schema::Bytes;
using schema::BytesView;
using schema::Hash;
using schema::tile::Kind;
using schema::tile::Tile;

constexpr std::uint64_t kEntries = 530;  // two full tiles and one of 18

// Made once: issuing so many takes a while.
House& Issued() {
  static House* const house = [] {
    auto* made = new House;
    MUST(made->Open());
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      const auto receipt = made->log().Enter(made->MakeGrantFor("https://ci/" + std::to_string(i)));
      MUST(receipt);
      made->Finish(*receipt);
    }
    MUST(made->WaitPublished(kEntries));
    MUST(log_test::WaitFor([&] {
      const auto head = made->log().reader().LatestTreeHead(LogName::kEvents);
      return head && head->head.size == made->log().State().events_size;
    }));
    return made;
  }();
  return *house;
}

std::uint64_t SizeOf(LogName log) {
  const auto head = Issued().log().reader().LatestTreeHead(log);
  REQUIRE(head);
  return head->head.size;
}

Bytes Read(LogName log, const Tile& tile) {
  CAPTURE(Path(tile));
  const auto bytes = Issued().log().reader().ReadTile(log, tile);
  REQUIRE(bytes);
  return *bytes;
}

std::vector<Hash> ReadHashes(LogName log, const Tile& tile) {
  const Bytes bytes = Read(log, tile);
  REQUIRE_EQ(bytes.size(), tile.width * sizeof(Hash));
  std::vector<Hash> hashes(tile.width);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * 32), 32, hashes[i].begin());
  }
  return hashes;
}

Hash RootOf(const std::vector<Hash>& leaves) {
  schema::merkle::Frontier frontier;
  std::vector<schema::merkle::Frontier::Stored> stored;
  for (const Hash& leaf : leaves) frontier.Append(leaf, stored);
  return frontier.Root();
}

std::vector<Hash> LeavesOf(LogName log) {
  std::vector<Hash> leaves;
  for (const Tile& tile : schema::tile::NewHashTiles(0, SizeOf(log))) {
    if (tile.level > 0) break;
    const std::vector<Hash> hashes = ReadHashes(log, tile);
    leaves.insert(leaves.end(), hashes.begin(), hashes.end());
  }
  return leaves;
}

TEST_CASE("hash tiles are the tree") {
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    const std::vector<Hash> leaves = LeavesOf(log);
    REQUIRE_EQ(leaves.size(), SizeOf(log));
    CHECK(RootOf(leaves) == Issued().log().reader().LatestTreeHead(log)->head.root);
    const unsigned width = schema::tile::WidthIn(leaves.size(), 1, 0);
    REQUIRE_GE(width, 2);
    const std::vector<Hash> above = ReadHashes(log, {Kind::kHashes, 1, 0, width});
    for (std::size_t i = 0; i < above.size(); ++i) {
      const auto first = leaves.begin() + static_cast<std::ptrdiff_t>(i * 256);
      CHECK(above[i] == RootOf({first, first + 256}));
    }
  }
}

TEST_CASE("data tiles hold each entry with its precertificate and chain") {
  const std::vector<Hash> leaves = LeavesOf(LogName::kCertificates);
  std::vector<Hash> chain;
  for (const auto& certificate : Issued().chain.certificates) {
    chain.push_back(schema::Sha256(certificate.view()));
  }
  std::uint64_t index = 0;
  for (const Tile& tile : schema::tile::NewEntryTiles(Kind::kData, 0, kEntries)) {
    const auto parsed = schema::tile::ParseDataTile(Read(LogName::kCertificates, tile));
    REQUIRE(parsed);
    REQUIRE_EQ(parsed->size(), tile.width);
    for (const schema::tile::TileLeaf& leaf : *parsed) {
      CHECK(schema::LeafHash(leaf.leaf) == leaves[index]);
      CHECK_EQ(schema::ParseLeaf(leaf.leaf)->index, index);
      CHECK(leaf.precertificate == Issued().log().reader().Entry(index)->precertificate);
      CHECK(leaf.chain == chain);
      ++index;
    }
  }
  CHECK_EQ(index, kEntries);
}

TEST_CASE("entry bundles hold each event") {
  std::uint64_t index = 0;
  const std::vector<Hash> leaves = LeavesOf(LogName::kEvents);
  for (const Tile& tile : schema::tile::NewEntryTiles(Kind::kEntries, 0, leaves.size())) {
    const Bytes bundle = Read(LogName::kEvents, tile);
    const auto entries = schema::tile::ParseEntryBundle(bundle);
    REQUIRE(entries);
    REQUIRE_EQ(entries->size(), tile.width);
    for (const BytesView entry : *entries) CHECK(schema::LeafHash(entry) == leaves[index++]);
  }
  CHECK_EQ(index, leaves.size());
}

std::string Gunzip(const Bytes& bytes) {
  std::string out(1 << 20, '\0');
  z_stream stream{};
  REQUIRE_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  REQUIRE_EQ(stream.avail_in, 0);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_CASE("names tiles have a line for each entry") {
  std::uint64_t index = 0;
  for (const Tile& tile : schema::tile::NewEntryTiles(Kind::kNames, 0, kEntries)) {
    std::string text = Gunzip(Read(LogName::kCertificates, tile));
    for (; !text.empty(); text.erase(0, text.find('\n') + 1)) {
      const auto line = schema::ParseJson(text.substr(0, text.find('\n')), {4096});
      REQUIRE(line);
      CHECK_EQ((*line)["URI"], schema::Json::array({"https://ci/" + std::to_string(index++)}));
      CHECK_EQ((*line)["Issuer"], "https://token.example");
      CHECK(line->contains("Timestamp"));
      CHECK_EQ(line->size(), 3);
    }
  }
  CHECK_EQ(index, kEntries);
}

TEST_CASE("a partial tile is the beginning of the full one") {
  const struct {
    LogName log;
    Kind kind;
  } kCases[] = {{LogName::kCertificates, Kind::kHashes},
                {LogName::kCertificates, Kind::kData},
                {LogName::kEvents, Kind::kHashes},
                {LogName::kEvents, Kind::kEntries}};
  for (const auto& c : kCases) {
    const Bytes full = Read(c.log, {c.kind, 0, 1, 256});
    for (const unsigned width : {1U, 18U, 255U}) {
      const Bytes partial = Read(c.log, {c.kind, 0, 1, width});
      REQUIRE_LT(partial.size(), full.size());
      CHECK(schema::Equal(partial, BytesView(full).first(partial.size())));
    }
  }
}

TEST_CASE("what no checkpoint covers is not there") {
  const std::uint64_t events = SizeOf(LogName::kEvents);
  const struct {
    LogName log;
    Tile tile;
  } kCases[] = {
      {LogName::kCertificates, {Kind::kHashes, 0, 2, 19}},
      {LogName::kCertificates, {Kind::kHashes, 0, 2, 256}},
      {LogName::kCertificates, {Kind::kHashes, 0, 3, 1}},
      {LogName::kCertificates, {Kind::kHashes, 1, 0, 3}},
      {LogName::kCertificates, {Kind::kHashes, 2, 0, 1}},
      {LogName::kCertificates, {Kind::kHashes, 63, 0, 1}},
      {LogName::kCertificates, {Kind::kHashes, 0, schema::tile::kIndexEnd - 1, 256}},
      {LogName::kCertificates, {Kind::kData, 0, 2, 19}},
      {LogName::kCertificates, {Kind::kNames, 0, 2, 256}},
      {LogName::kCertificates, {Kind::kEntries, 0, 0, 1}},
      {LogName::kEvents, {Kind::kData, 0, 0, 1}},
      {LogName::kEvents, {Kind::kNames, 0, 0, 1}},
      {LogName::kEvents, {Kind::kEntries, 0, events / 256, 256}},
  };
  for (const auto& c : kCases) {
    CAPTURE(Path(c.tile));
    const auto bytes = Issued().log().reader().ReadTile(c.log, c.tile);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().Is(ca::kNoSuchEntry));
  }
}

TEST_CASE("an entry that no checkpoint covers is in no tile, whatever is durable") {
  House house;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable);
  REQUIRE(house.Issue());
  const Tile first{Kind::kData, 0, 0, 1};
  CHECK_FALSE(house.log().reader().ReadTile(LogName::kCertificates, first));
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable, 0);
  REQUIRE(house.WaitPublished(1));
  CHECK(house.log().reader().ReadTile(LogName::kCertificates, first));
}

}  // namespace
