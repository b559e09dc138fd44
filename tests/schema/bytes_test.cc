#include "schema/base/bytes.h"

#include <doctest/doctest.h>

#include <thread>
#include <type_traits>

#include "schema/base/utf8.h"

namespace {

using schema::AsBytes;
using schema::Hex;
using schema::Sha256;

}  // namespace

TEST_CASE("Sha256 gives the answers of FIPS 180-4") {
  struct Case {
    std::string input;
    std::string_view want;
  };
  const Case kCases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.input.size());
    CHECK_EQ(Hex(Sha256(AsBytes(c.input))), c.want);
  }
}

TEST_CASE("Sha256 in several threads at once") {
  const auto want = Sha256(AsBytes("abc"));
  int wrong[4] = {};
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count, &want] {
      for (int i = 0; i < 1000; ++i) count += Sha256(AsBytes("abc")) != want;
    });
  }
  for (std::thread& t : threads) t.join();
  for (const int count : wrong) CHECK_EQ(count, 0);
}

TEST_CASE("Hex keeps leading zeros and every octet") {
  CHECK_EQ(Hex({}), "");
  CHECK_EQ(Hex(schema::Bytes{0x00, 0x0f, 0xa5, 0xff}), "000fa5ff");
}

TEST_CASE("octets of one meaning are not octets of another") {
  static_assert(!std::is_convertible_v<schema::TbsDer, schema::CertDer>);
  static_assert(!std::is_constructible_v<schema::CertDer, schema::TbsDer>);
  static_assert(!std::is_convertible_v<schema::Bytes, schema::CertDer>);
  CHECK_EQ(schema::CertDer(schema::Bytes{1}), schema::CertDer(schema::Bytes{1}));
  CHECK(schema::CertDer().empty());
}

TEST_CASE("IsUtf8 follows the table of RFC 3629 4") {
  struct Case {
    std::string_view name;
    std::string_view text;
    bool want;
  };
  const Case kCases[] = {
      {"empty", "", true},
      {"ASCII", "abc\x7f", true},
      {"two octets, first and last", "\xc2\x80\xdf\xbf", true},
      {"three octets, first and last", "\xe0\xa0\x80\xef\xbf\xbf", true},
      {"last before and first after the surrogates", "\xed\x9f\xbf\xee\x80\x80", true},
      {"four octets, first and last", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
      {"follower alone", "\x80", false},
      {"overlong slash", "\xc0\xaf", false},
      {"overlong in three", "\xe0\x9f\xbf", false},
      {"overlong in four", "\xf0\x8f\xbf\xbf", false},
      {"high surrogate", "\xed\xa0\x80", false},
      {"beyond U+10FFFF", "\xf4\x90\x80\x80", false},
      {"five octets", "\xf8\x88\x80\x80\x80", false},
      {"cut after one", "a\xc3", false},
      {"cut after two", "\xe2\x82", false},
      {"cut after three", "\xf0\x9f\x98", false},
      {"second follower wrong", "\xe2\x82\x41", false},
      {"0xff", "\xff", false},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    CHECK_EQ(schema::IsUtf8(c.text), c.want);
  }
}
