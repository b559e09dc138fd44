#include "schema/log/witness.h"

#include <doctest/doctest.h>

#include "schema/base/base64.h"
#include "tests/schema/octets.h"

namespace {

using schema::AddCheckpointText;
using schema::ParseAddCheckpoint;

// The example of tlog-witness.
constexpr std::string_view kExample =
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/"
    "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— example.com/behind-the-sofa "
    "opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/"
    "V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

std::string Replaced(std::string_view what, std::string_view by) {
  std::string text(kExample);
  const std::size_t at = text.find(what);
  REQUIRE_NE(at, std::string::npos);
  return text.replace(at, what.size(), by);
}

TEST_CASE("the example of tlog-witness, octet for octet") {
  const auto request = ParseAddCheckpoint(kExample);
  REQUIRE(request);
  CHECK_EQ(request->old_size, 20852014);
  REQUIRE_EQ(request->proof.size(), 4);
  CHECK_EQ(schema::Base64(request->proof[3]), "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=");
  CHECK_EQ(request->body.origin, "example.com/behind-the-sofa");
  CHECK_EQ(request->body.size, 20852163);
  CHECK_EQ(request->note.lines.size(), 2);
  CHECK_EQ(AddCheckpointText(request->old_size, request->proof, schema::NoteText(request->note)),
           kExample);
}

TEST_CASE("what is no add-checkpoint request") {
  constexpr std::string_view kHash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
  std::string many;
  for (int i = 0; i < 64; ++i) many += kHash;
  const struct {
    std::string_view name;
    std::string text;
    bool good;
  } kCases[] = {
      {"no proof", Replaced("old 20852014\n", "old 0\n"), true},
      {"63 hashes", Replaced(kHash, many.substr(4 * kHash.size())), true},
      {"64 hashes", Replaced(kHash, many.substr(3 * kHash.size())), false},
      {"empty", "", false},
      {"no old size", Replaced("old 20852014\n", ""), false},
      {"a leading zero", Replaced("old ", "old 0"), false},
      {"a sign", Replaced("old ", "old +"), false},
      {"two spaces", Replaced("old ", "old  "), false},
      {"beyond u64", Replaced("old 2", "old 999999999999999"), false},
      {"CR LF", Replaced("old 20852014\n", "old 20852014\r\n"), false},
      {"a short hash", Replaced("PlRN", ""), false},
      {"a hash without padding", Replaced("kaw=\n", "kaw\n"), false},
      {"no empty line", Replaced("/0=\n\n", "/0=\n"), false},
      {"no checkpoint", std::string(kExample.substr(0, kExample.find("\n\n") + 2)), false},
      {"no signature", std::string(kExample.substr(0, kExample.rfind("\n\n") + 2)), false},
      {"an extension line", Replaced("q2I=\n", "q2I=\nmore\n"), false},
      {"something behind", std::string(kExample) + "x", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto request = ParseAddCheckpoint(c.text);
    CHECK_EQ(request.has_value(), c.good);
    if (!request) CHECK(request.error().Is(schema::kBadAddCheckpoint));
  }
}

TEST_CASE("cosignatures: the time in both places, at most 2^63 - 1") {
  const schema::Time time{std::chrono::seconds(1679315147)};
  // The example of tlog-cosignature.
  CHECK_EQ(schema::CosignatureInput(time,
                                    "example.com/behind-the-sofa\n20852163\n"
                                    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"),
           "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
           "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
  const schema::Bytes signature(64, 7);
  const schema::Bytes made = schema::Cosignature(time, signature);
  CHECK_EQ(schema::Hex(schema::BytesView(made).first(9)), "00000000641850cb07");
  const auto parts = schema::ParseCosignature(made);
  REQUIRE(parts);
  CHECK_EQ(parts->time, time);
  CHECK(schema::Equal(parts->ed25519, signature));
  for (const std::size_t size : {0U, 8U, 64U, 71U, 73U}) {
    CHECK_FALSE(schema::ParseCosignature(schema::Bytes(size, 1)));
  }
  schema::Bytes late = made;
  late[0] = 0x80;
  CHECK_FALSE(schema::ParseCosignature(late));
}

TEST_CASE("a log's newest checkpoint is served under the hash of its origin") {
  CHECK_EQ(schema::OriginPath("abc"),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
