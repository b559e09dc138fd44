#include "schema/base/base64.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>

namespace {

using schema::AsBytes;
using schema::AsText;
using schema::Bytes;

struct Case {
  std::string_view name;
  std::string_view text;
  const char* want;  // nullptr: refused
};

Bytes Counting(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 37 + size);
  return out;
}

}  // namespace

TEST_CASE("the vectors of RFC 4648 10, both ways") {
  const std::pair<std::string_view, std::string_view> kVectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, coded] : kVectors) {
    const auto shown = plain;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    CHECK_EQ(schema::Base64(AsBytes(plain)), coded);
    const std::string bare(coded.substr(0, coded.find('=')));
    CHECK_EQ(schema::Base64Url(AsBytes(plain)), bare);
    CHECK_EQ(AsText(*schema::DecodeBase64UrlStrict(bare)), plain);
    CHECK_EQ(AsText(*schema::DecodeBase64Lenient(coded)), plain);
    CHECK_EQ(AsText(*schema::DecodeBase64Lenient(bare)), plain);
  }
}

TEST_CASE("the two alphabets differ in two characters") {
  const Bytes bytes{0xfb, 0xff, 0xfe};
  CHECK_EQ(schema::Base64(bytes), "+//+");
  CHECK_EQ(schema::Base64Url(bytes), "-__-");
}

TEST_CASE("DecodeBase64UrlStrict: one text for each value") {
  const Case kCases[] = {
      {"empty", "", ""},
      {"one octet", "Zg", "f"},
      {"padding", "Zg==", nullptr},
      {"unused bits set, one octet", "Zh", nullptr},
      {"unused bits set, two octets", "Zm9", nullptr},
      {"one character left over", "Zm9vY", nullptr},
      {"one character", "Z", nullptr},
      {"standard alphabet", "+//+", nullptr},
      {"line feed", "Zm9v\n", nullptr},
      {"space", "Zm 9v", nullptr},
      {"NUL", std::string_view("Zg\0", 3), nullptr},
      {"not ASCII", "Zg\xc3\xa9", nullptr},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = schema::DecodeBase64UrlStrict(c.text);
    REQUIRE_EQ(got.has_value(), c.want != nullptr);
    if (got) CHECK_EQ(AsText(*got), c.want);
    if (!got) CHECK(got.error().Is(schema::kBadBase64));
  }
}

TEST_CASE("DecodeBase64Lenient: what proto3 JSON takes") {
  const Case kCases[] = {
      {"padded", "Zm8=", "fo"},
      {"bare", "Zm8", "fo"},
      {"mixed alphabets", "-//-", "\xfb\xff\xfe"},
      {"line breaks anywhere", "Z\r\nm8\n=\n", "fo"},
      {"only line breaks", "\r\n", ""},
      {"unused bits set", "Zh==", "f"},
      {"too little padding", "Zg=", nullptr},
      {"too much padding", "Zm8==", nullptr},
      {"padding where none belongs", "Zm9v=", nullptr},
      {"four of padding", "Zm9v====", nullptr},
      {"only padding", "====", nullptr},
      {"data after padding", "Zg==Zg==", nullptr},
      {"one character left over", "Zm9vY", nullptr},
      {"space", "Zm 8", nullptr},
      {"tab", "Zm8\t", nullptr},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = schema::DecodeBase64Lenient(c.text);
    REQUIRE_EQ(got.has_value(), c.want != nullptr);
    if (got) CHECK_EQ(AsText(*got), c.want);
    if (!got) CHECK(got.error().Is(schema::kBadBase64));
  }
}

TEST_CASE("OpenSSL writes the same text, and both decoders read it back") {
  for (std::size_t size = 0; size < 200; ++size) {
    CAPTURE(size);
    const Bytes bytes = Counting(size);
    std::string want(4 * ((size + 2) / 3) + 1, '\0');
    want.resize(static_cast<std::size_t>(EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(want.data()), bytes.data(), static_cast<int>(size))));
    CHECK_EQ(schema::Base64(bytes), want);
    CHECK_EQ(*schema::DecodeBase64Lenient(want), bytes);
    CHECK_EQ(*schema::DecodeBase64UrlStrict(schema::Base64Url(bytes)), bytes);
  }
}

TEST_CASE("the detail never holds the text") {
  const auto got = schema::DecodeBase64UrlStrict("c2VjcmV0!");
  REQUIRE_FALSE(got);
  CHECK_EQ(got.error().detail, "a character outside the URL-safe alphabet at byte 8");
}
