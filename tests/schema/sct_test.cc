#include "schema/log/sct.h"

#include <doctest/doctest.h>

#include "tests/schema/octets.h"

namespace {

using schema::Bytes;
using schema::Hash;
using schema::ParseSctList;
using schema::TimeMs;
using std::chrono::milliseconds;

// RFC 6962 3.2 and 3.3, put together by hand.
const Bytes kList = Octets(
    "003f 003d"                                                         // list, SCT
    "00"                                                                // v1
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"  // log id
    "0000019abcdef012"                                                  // ms
    "0008 00 0005 00000002c1"                                           // leaf_index
    "04 03 0006 300401020304");                                         // sha256, ecdsa

Hash Counting() {
  Hash hash;
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(i);
  return hash;
}

TEST_CASE("EncodeSctList writes one SCT") {
  const schema::Sct sct{Counting(), TimeMs(milliseconds(0x19abcdef012)), 705,
                        schema::Signature(Octets("300401020304"))};
  CHECK_EQ(schema::Hex(schema::EncodeSctList(sct)), schema::Hex(kList));
}

TEST_CASE("ParseSctList reads what EncodeSctList writes") {
  const auto sct = ParseSctList(kList);
  REQUIRE(sct);
  CHECK(sct->log_id == Counting());
  CHECK_EQ(sct->timestamp.time_since_epoch().count(), 0x19abcdef012);
  CHECK_EQ(sct->index, 705);
  CHECK_EQ(schema::Hex(sct->signature.view()), "300401020304");
}

TEST_CASE("ParseSctList refuses everything else") {
  for (std::size_t size = 0; size < kList.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(ParseSctList(schema::BytesView(kList).first(size)));
  }
  struct Case {
    std::string_view name;
    std::size_t at;
    std::string_view octets;
  };
  const Case kCases[] = {
      {"a longer list", 0, "0040"},
      {"a shorter list", 0, "003e"},
      {"a longer SCT", 2, "003e"},
      {"a shorter SCT", 2, "003c"},
      {"an empty SCT", 2, "0000"},
      {"version 2", 4, "01"},
      {"a timestamp beyond int64", 37, "80"},
      {"no extension", 45, "0000"},
      {"another extension", 47, "01"},
      {"another hash", 55, "05"},
      {"RSA", 56, "01"},
      {"a longer signature", 57, "0007"},
      {"a shorter signature", 57, "0005"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Bytes bytes = kList;
    const Bytes octets = Octets(c.octets);
    std::ranges::copy(octets, bytes.begin() + static_cast<std::ptrdiff_t>(c.at));
    const auto sct = ParseSctList(bytes);
    REQUIRE_FALSE(sct);
    CHECK(sct.error().Is(schema::kBadSct));
  }
}

TEST_CASE("ParseSctList refuses lists of other lengths") {
  const Bytes one(kList.begin() + 2, kList.end());
  Bytes two = Octets("007e");
  two.insert(two.end(), one.begin(), one.end());
  two.insert(two.end(), one.begin(), one.end());
  CHECK_FALSE(ParseSctList(two));
  CHECK_FALSE(ParseSctList(Octets("0000")));
  Bytes trailing = kList;
  trailing.push_back(0);
  CHECK_FALSE(ParseSctList(trailing));
  Bytes unsigned_one(kList.begin(), kList.end() - 6);
  unsigned_one[1] = 0x39;
  unsigned_one[3] = 0x37;
  unsigned_one.back() = 0;
  CHECK_FALSE(ParseSctList(unsigned_one));
}

TEST_CASE("tree heads are RFC 6962 3.5's") {
  const Bytes kInput = Octets(
      "00 01 0000019abcdef012 00000000000002c2"
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Bytes input = schema::TreeHeadInput(TimeMs(milliseconds(0x19abcdef012)), 706, Counting());
  CHECK_EQ(schema::Hex(input), schema::Hex(kInput));
  const auto head = schema::ParseTreeHeadInput(kInput);
  REQUIRE(head);
  CHECK_EQ(head->timestamp.time_since_epoch().count(), 0x19abcdef012);
  CHECK_EQ(head->size, 706);
  CHECK(head->root == Counting());
  for (std::size_t size = 0; size < kInput.size(); ++size) {
    CHECK_FALSE(schema::ParseTreeHeadInput(schema::BytesView(kInput).first(size)));
  }
  for (const std::size_t at : {0u, 1u, 2u}) {  // version, signature type, sign of the timestamp
    Bytes changed = kInput;
    changed[at] ^= 0x80;
    const auto refused = schema::ParseTreeHeadInput(changed);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(schema::kBadSct));
  }
  Bytes trailing = kInput;
  trailing.push_back(0);
  CHECK_FALSE(schema::ParseTreeHeadInput(trailing));
}

// A leaf and a tree head differ in their second octet: a signature over one is never one over the
// other.
TEST_CASE("no leaf is a tree head") {
  const auto leaf = schema::EncodeLeaf(TimeMs(milliseconds(1)), 1, Counting(), Octets("3000"));
  CHECK_FALSE(schema::ParseTreeHeadInput(leaf.view()));
  CHECK_FALSE(schema::ParseLeaf(schema::TreeHeadInput(TimeMs(milliseconds(1)), 1, Counting())));
}

TEST_CASE("DigitallySigned") {
  CHECK_EQ(schema::Hex(schema::DigitallySigned(Octets("300401020304"))), "04030006300401020304");
  CHECK_EQ(schema::Hex(schema::DigitallySigned({})), "04030000");
}

}  // namespace
