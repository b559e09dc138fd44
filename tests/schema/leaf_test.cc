#include "schema/log/leaf.h"

#include <doctest/doctest.h>

#include "tests/schema/octets.h"

namespace {

using schema::Bytes;
using schema::Hash;
using schema::ParseLeaf;
using schema::TimeMs;
using std::chrono::milliseconds;

// RFC 6962 3.4 with the extension of static-ct-api, put together by hand.
const Bytes kLeaf = Octets(
    "00 00"                                                             // v1, timestamped_entry
    "0000019abcdef012"                                                  // ms
    "0001"                                                              // precert_entry
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"  // issuer key hash
    "000003 300130"                                                     // TBSCertificate
    "0008 00 0005 0102030405");                                         // leaf_index

Hash Counting() {
  Hash hash;
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(i);
  return hash;
}

TEST_CASE("EncodeLeaf writes RFC 6962 3.4") {
  const auto leaf = schema::EncodeLeaf(TimeMs(milliseconds(0x19abcdef012)), 0x0102030405,
                                       Counting(), Octets("300130"));
  CHECK_EQ(schema::Hex(leaf.view()), schema::Hex(kLeaf));
}

TEST_CASE("ParseLeaf reads what EncodeLeaf writes") {
  const auto leaf = ParseLeaf(kLeaf);
  REQUIRE(leaf);
  CHECK_EQ(leaf->timestamp.time_since_epoch().count(), 0x19abcdef012);
  CHECK_EQ(leaf->index, 0x0102030405);
  CHECK(leaf->issuer_key_hash == Counting());
  CHECK_EQ(schema::Hex(leaf->tbs.view()), "300130");
}

TEST_CASE("the limits of a leaf's numbers survive") {
  const Bytes tbs(0x012345, 0x42);  // a length that needs all three octets
  for (const std::uint64_t index : {std::uint64_t{0}, schema::kLeafIndexEnd - 1}) {
    for (const std::int64_t ms : {std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
      const auto bytes = schema::EncodeLeaf(TimeMs(milliseconds(ms)), index, Counting(), tbs);
      const auto leaf = ParseLeaf(bytes.view());
      REQUIRE(leaf);
      CHECK_EQ(leaf->index, index);
      CHECK_EQ(leaf->timestamp.time_since_epoch().count(), ms);
      CHECK(leaf->tbs.bytes() == tbs);
    }
  }
}

TEST_CASE("ParseLeaf refuses everything else") {
  for (std::size_t size = 0; size < kLeaf.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(ParseLeaf(schema::BytesView(kLeaf).first(size)));
  }
  struct Case {
    std::string_view name;
    std::size_t at;
    std::string_view octets;  // written there
  };
  const Case kCases[] = {
      {"version 2", 0, "01"},
      {"tree_hash", 1, "01"},
      {"a timestamp beyond int64", 2, "80"},
      {"x509_entry", 10, "0000"},
      {"another entry type", 10, "0002"},
      {"a longer TBS", 44, "000004"},
      {"a shorter TBS", 44, "000002"},
      {"an enormous TBS", 44, "ffffff"},
      {"no extension", 50, "0000"},
      {"another extension type", 52, "01"},
      {"another extension length", 53, "0004"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Bytes bytes = kLeaf;
    const Bytes octets = Octets(c.octets);
    std::ranges::copy(octets, bytes.begin() + static_cast<std::ptrdiff_t>(c.at));
    const auto leaf = ParseLeaf(bytes);
    REQUIRE_FALSE(leaf);
    CHECK(leaf.error().Is(schema::kBadLeaf));
  }
  Bytes trailing = kLeaf;
  trailing.push_back(0);
  CHECK_FALSE(ParseLeaf(trailing));
  CHECK_FALSE(
      ParseLeaf(Octets("0000 0000000000000000 0001"
                       "0000000000000000000000000000000000000000000000000000000000000000"
                       "000000 0008 0000050000000000")));  // an empty TBS
}

TEST_CASE("leaf_index is exactly eight octets") {
  CHECK_EQ(schema::Hex(schema::LeafIndexExtension(0)), "0000050000000000");
  CHECK_EQ(schema::Hex(schema::LeafIndexExtension(706)), "00000500000002c2");
  CHECK_EQ(schema::Hex(schema::LeafIndexExtension(schema::kLeafIndexEnd - 1)), "000005ffffffffff");
  CHECK_EQ(schema::ParseLeafIndexExtension(Octets("00000500000002c2")), 706);
  for (const std::string_view bad :
       {"", "00000500000000", "000005000000000000", "0100050000000000", "0000040000000000"}) {
    CAPTURE(bad);
    CHECK_FALSE(schema::ParseLeafIndexExtension(Octets(bad)));
  }
}

TEST_CASE("hashes carry RFC 6962 2.1's prefixes") {
  CHECK(schema::LeafHash(Octets("0102")) == schema::Sha256(Octets("00 0102")));
  Bytes both = Octets("01");
  both.resize(33, 0xaa);
  both.resize(65, 0xbb);
  Hash left, right;
  left.fill(0xaa);
  right.fill(0xbb);
  CHECK(schema::NodeHash(left, right) == schema::Sha256(both));
  CHECK(schema::LeafHash({}) == schema::Sha256(Octets("00")));
}

}  // namespace
