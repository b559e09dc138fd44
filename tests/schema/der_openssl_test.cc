// The writer and the reader against OpenSSL's: two programs by different people must agree.
#include <doctest/doctest.h>
#include <openssl/asn1.h>

#include <random>

#include "schema/base/der.h"
#include "schema/base/openssl.h"

namespace {

using schema::Bytes;
using schema::BytesView;
using schema::Hex;
namespace der = schema::der;

using OwnedInteger = schema::Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using OwnedOctets = schema::Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using OwnedBits = schema::Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using OwnedTime = schema::Owned<ASN1_TIME, ASN1_TIME_free>;
using OwnedObject = schema::Owned<ASN1_OBJECT, ASN1_OBJECT_free>;

template <class T>
Bytes Encoded(int (*encode)(const T*, unsigned char**), const T* value) {
  unsigned char* out = nullptr;
  const int size = encode(value, &out);
  REQUIRE(size > 0);
  Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

Bytes RandomBytes(std::mt19937& random, std::size_t size) {
  Bytes out(size);
  for (auto& octet : out) octet = static_cast<std::uint8_t>(random());
  return out;
}

}  // namespace

TEST_CASE("integers") {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    Bytes magnitude = RandomBytes(random, 1 + random() % 70);
    if (i % 3 == 0) magnitude[0] = 0;
    if (i % 3 == 1) magnitude[0] |= 0x80;
    CAPTURE(Hex(magnitude));
    const schema::OwnedBignum number(
        BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
    const OwnedInteger want(BN_to_ASN1_INTEGER(number.get(), nullptr));
    der::Writer out;
    out.UnsignedInteger(magnitude);
    CHECK_EQ(Hex(out.view()), Hex(Encoded(i2d_ASN1_INTEGER, want.get())));

    der::Reader in(out.view());
    const BytesView read = *in.UnsignedInteger();
    const schema::OwnedBignum back(BN_bin2bn(read.data(), static_cast<int>(read.size()), nullptr));
    CHECK_EQ(BN_cmp(number.get(), back.get()), 0);
  }
}

TEST_CASE("strings of every length around the steps") {
  std::mt19937 random(2);
  for (const std::size_t size : {0, 1, 126, 127, 128, 129, 254, 255, 256, 257, 65535, 65536}) {
    CAPTURE(size);
    const Bytes content = RandomBytes(random, size);
    const OwnedOctets octets(ASN1_OCTET_STRING_new());
    REQUIRE_EQ(ASN1_OCTET_STRING_set(octets.get(), content.data(), static_cast<int>(size)), 1);
    der::Writer out;
    out.Value(der::kOctetString, content);
    CHECK(schema::Equal(out.view(), Encoded(i2d_ASN1_OCTET_STRING, octets.get())));

    const OwnedBits bits(ASN1_BIT_STRING_new());
    REQUIRE_EQ(ASN1_STRING_set(bits.get(), content.data(), static_cast<int>(size)), 1);
    bits->flags |=
        ASN1_STRING_FLAG_BITS_LEFT;  // no unused bits, instead of counting trailing zeros
    der::Writer bit_out;
    bit_out.BitString(content);
    CHECK(schema::Equal(bit_out.view(), Encoded(i2d_ASN1_BIT_STRING, bits.get())));
    CHECK(schema::Equal(*der::Reader(bit_out.view()).BitString(), content));
  }
}

TEST_CASE("times from 1900 to 9999") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    const auto seconds = static_cast<std::int64_t>(random() % 255'611'289'600ULL) - 2'208'988'800LL;
    CAPTURE(seconds);
    // ASN1_TIME_set also chooses UTCTime for 1950 to 2049 only.
    const OwnedTime want(ASN1_TIME_set(nullptr, seconds));
    REQUIRE(want);
    der::Writer out;
    out.Time(schema::Time(std::chrono::seconds(seconds)));
    CHECK_EQ(Hex(out.view()), Hex(Encoded(i2d_ASN1_TIME, want.get())));
    CHECK_EQ(der::Reader(out.view()).Time()->time_since_epoch().count(), seconds);
  }
}

TEST_CASE("object identifiers") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t root = random() % 3;
    std::string text = std::to_string(root) + "." + std::to_string(random() % 40);
    for (std::size_t arcs = 1 + random() % 12; arcs > 0; --arcs) {
      text += "." + std::to_string(random() >> (random() % 64));
    }
    CAPTURE(text);
    const OwnedObject want(OBJ_txt2obj(text.c_str(), 1));
    REQUIRE(want);
    der::Writer out;
    out.Oid(der::OidContent(text));
    CHECK_EQ(Hex(out.view()), Hex(Encoded(i2d_ASN1_OBJECT, want.get())));
    CHECK_EQ(der::OidText(der::Reader(out.view()).Expect(der::kOid)->content), text);
  }
}

// What our reader takes, OpenSSL (which reads BER) must read to the same extent.
TEST_CASE("OpenSSL reads everything the reader takes") {
  std::mt19937 random(5);
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = RandomBytes(random, 2 + random() % 300);
    bytes[0] &= 0xbf;  // more universal and context tags, fewer application and private ones
    if (i % 2 == 0) bytes[1] = static_cast<std::uint8_t>(0x81 + i / 2 % 2);
    der::Reader in(bytes);
    const auto element = in.Any();
    if (!element) continue;
    ++taken;
    const unsigned char* at = bytes.data();
    long length = 0;
    int tag = 0;
    int tag_class = 0;
    const int flags =
        ASN1_get_object(&at, &length, &tag, &tag_class, static_cast<long>(bytes.size()));
    CAPTURE(Hex(bytes));
    CHECK_EQ(flags & 0x80, 0);
    CHECK_EQ(tag, element->tag & 0x1f);
    CHECK_EQ(tag_class, element->tag & 0xc0);
    CHECK_EQ(static_cast<std::size_t>(length), element->content.size());
    CHECK_EQ(static_cast<const void*>(at), static_cast<const void*>(element->content.data()));
  }
  CHECK_GT(taken, 1000);
}
