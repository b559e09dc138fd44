#include "schema/base/der.h"

#include <doctest/doctest.h>

namespace {

using schema::AsBytes;
using schema::Bytes;
using schema::BytesView;
using schema::Hex;
namespace der = schema::der;

Bytes FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return out;
}

template <class Write>
std::string Written(Write write) {
  der::Writer out;
  write(out);
  return Hex(out.view());
}

struct Case {
  std::string_view name;
  std::string_view hex;
  bool good;
};

template <class T>
void CheckOutcome(const Case& c, const schema::Result<T>& got) {
  CHECK_EQ(got.has_value(), c.good);
  if (!got) CHECK(got.error().Is(der::kBadDer));
}

schema::Time At(std::int64_t seconds) { return schema::Time(std::chrono::seconds(seconds)); }

}  // namespace

TEST_CASE("Writer gives the examples of X.690") {
  CHECK_EQ(Written([](auto& w) { w.Boolean(true); }), "0101ff");
  CHECK_EQ(Written([](auto& w) { w.Boolean(false); }), "010100");
  CHECK_EQ(Written([](auto& w) { w.Null(); }), "0500");
  CHECK_EQ(Written([](auto& w) { w.SmallInteger(0); }), "020100");
  CHECK_EQ(Written([](auto& w) { w.SmallInteger(127); }), "02017f");
  CHECK_EQ(Written([](auto& w) { w.SmallInteger(128); }), "02020080");
  CHECK_EQ(Written([](auto& w) { w.UnsignedInteger({}); }), "020100");
  CHECK_EQ(Written([](auto& w) { w.UnsignedInteger(Bytes{0, 0, 1, 0}); }), "02020100");
  CHECK_EQ(Written([](auto& w) { w.UnsignedInteger(Bytes{0, 0xff}); }), "020200ff");
  CHECK_EQ(Written([](auto& w) { w.BitString(Bytes{0xa5}); }), "030200a5");
  CHECK_EQ(Written([](auto& w) { w.Utf8("\xc3\xa9"); }), "0c02c3a9");
  CHECK_EQ(Written([](auto& w) { w.Oid(der::OidContent("2.999.3")); }), "0603883703");
  CHECK_EQ(Written([](auto& w) { w.Raw(Bytes{5, 0}); }), "0500");
}

TEST_CASE("lengths are minimal on both sides of each step") {
  struct Step {
    std::size_t size;
    std::string_view header;
  };
  for (const Step& s : {Step{0, "3000"}, Step{127, "307f"}, Step{128, "308180"},
                        Step{255, "3081ff"}, Step{256, "30820100"}, Step{65535, "3082ffff"},
                        Step{65536, "3083010000"}, Step{16777216, "308401000000"}}) {
    CAPTURE(s.size);
    der::Writer out;
    const std::size_t outer = out.Begin(der::kSequence);
    out.Raw(Bytes(s.size, 0xaa));
    out.End(outer);
    CHECK_EQ(Hex(out.view().first(s.header.size() / 2)), s.header);
    CHECK_EQ(out.view().size(), s.header.size() / 2 + s.size);
    der::Reader in(out.view());
    const auto element = in.Expect(der::kSequence);
    REQUIRE(element);
    CHECK_EQ(element->content.size(), s.size);
    CHECK(in.End());
  }
}

TEST_CASE("nested structures fix their lengths from the inside out") {
  der::Writer out;
  const auto a = out.Begin(der::kSequence);
  const auto b = out.Begin(der::ContextConstructed(3));
  out.Value(der::kOctetString, Bytes(130, 1));
  out.End(b);
  out.Boolean(true);
  out.End(a);
  der::Reader file(out.view());
  auto outer = file.Enter(der::kSequence);
  REQUIRE(outer);
  CHECK(file.End());
  auto inner = outer->Enter(0xa3);
  REQUIRE(inner);
  CHECK_EQ(inner->Expect(der::kOctetString)->content.size(), 130);
  CHECK(inner->End());
  CHECK(*outer->Boolean());
  CHECK(outer->AtEnd());
  CHECK_EQ(outer->Peek(), 0);
}

TEST_CASE("Reader takes definite minimal lengths only") {
  const Case kCases[] = {
      {"empty", "", false},
      {"a tag alone", "30", false},
      {"empty sequence", "3000", true},
      {"end-of-contents", "0000", false},
      {"high tag number", "1f2000", false},
      {"high tag number, context class", "bf8a3900", false},
      {"indefinite length", "30800000", false},
      {"long form below 128", "04817f", false},
      {"leading zero in the length", "04820001aa", false},
      {"length cut off", "048201", false},
      {"content cut off", "0402aa", false},
      {"four length octets beyond the content", "0484ffffffff", false},
      {"five length octets", "04850000000001aa", false},
      {"eight length octets near overflow", "0488fffffffffffffffe", false},
      {"reserved length 0xff", "04ff", false},
      {"length zero in the long form", "048100", false},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const Bytes bytes = FromHex(c.hex);
    der::Reader in(bytes);
    CheckOutcome(c, in.Any());
  }
}

TEST_CASE("a cut anywhere in a structure is an error, never a read beyond it") {
  der::Writer out;
  const auto outer = out.Begin(der::kSequence);
  out.Value(der::kOctetString, Bytes(300, 7));
  out.End(outer);
  const BytesView whole = out.view();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    // A copy of its own, so that a sanitizer sees a read past the end.
    const Bytes cut = schema::ToBytes(whole.first(size));
    der::Reader in(cut);
    CHECK_FALSE(in.Any());
  }
}

TEST_CASE("Expect and Enter want their tag") {
  const Bytes bytes = FromHex("0500");
  der::Reader in(bytes);
  CHECK_FALSE(in.Expect(der::kBoolean));
  CHECK_FALSE(in.Enter(der::kSequence));
  CHECK_EQ(in.Peek(), der::kNull);
  CHECK_FALSE(in.End());
  CHECK(in.Expect(der::kNull));
  CHECK(in.End());
  CHECK_FALSE(in.Expect(der::kNull));
}

TEST_CASE("Boolean, UnsignedInteger and BitString take DER only") {
  const Case kBooleans[] = {{"true", "0101ff", true},
                            {"false", "010100", true},
                            {"BER true", "010101", false},
                            {"empty", "0100", false},
                            {"two octets", "0102ff00", false}};
  for (const Case& c : kBooleans) {
    CAPTURE(c.name);
    const Bytes bytes = FromHex(c.hex);
    CheckOutcome(c, der::Reader(bytes).Boolean());
  }
  const Case kIntegers[] = {{"zero", "020100", true},
                            {"127", "02017f", true},
                            {"128", "02020080", true},
                            {"negative", "020180", false},
                            {"minus one", "0201ff", false},
                            {"zero twice", "02020000", false},
                            {"127 with a zero", "0202007f", false},
                            {"empty", "0200", false},
                            {"an ENUMERATED", "0a0100", false}};
  for (const Case& c : kIntegers) {
    CAPTURE(c.name);
    const Bytes bytes = FromHex(c.hex);
    CheckOutcome(c, der::Reader(bytes).UnsignedInteger());
  }
  const Case kBitStrings[] = {{"no bits", "030100", true},
                              {"one octet", "030200ff", true},
                              {"empty", "0300", false},
                              {"seven bits", "03020180", false},
                              {"nine unused bits", "03020900", false},
                              {"constructed", "2303030100", false}};
  for (const Case& c : kBitStrings) {
    CAPTURE(c.name);
    const Bytes bytes = FromHex(c.hex);
    CheckOutcome(c, der::Reader(bytes).BitString());
  }
}

TEST_CASE("integers lose their sign octet only") {
  const auto read = [](std::string_view hex) {
    const Bytes bytes = FromHex(hex);
    return Hex(*der::Reader(bytes).UnsignedInteger());
  };
  CHECK_EQ(read("020100"), "00");
  CHECK_EQ(read("02020080"), "80");
  CHECK_EQ(read("020300ff01"), "ff01");
  CHECK_EQ(read("02020100"), "0100");
}

TEST_CASE("time is written in the form RFC 5280 4.1.2.5 wants for its year") {
  struct Moment {
    std::int64_t seconds;
    std::uint8_t tag;
    std::string_view text;
  };
  const Moment kMoments[] = {
      {-631'152'001, der::kGeneralizedTime, "19491231235959Z"},
      {-631'152'000, der::kUtcTime, "500101000000Z"},
      {0, der::kUtcTime, "700101000000Z"},
      {946'684'799, der::kUtcTime, "991231235959Z"},
      {946'684'800, der::kUtcTime, "000101000000Z"},
      {1'709'164'800, der::kUtcTime, "240229000000Z"},
      {2'524'607'999, der::kUtcTime, "491231235959Z"},
      {2'524'608'000, der::kGeneralizedTime, "20500101000000Z"},
      {253'402'300'799, der::kGeneralizedTime, "99991231235959Z"},
  };
  for (const Moment& m : kMoments) {
    CAPTURE(m.text);
    der::Writer out;
    out.Time(At(m.seconds));
    CHECK_EQ(out.view()[0], m.tag);
    CHECK_EQ(schema::AsText(out.view().subspan(2)), m.text);
    der::Reader in(out.view());
    const auto got = in.Time();
    REQUIRE(got);
    CHECK_EQ(got->time_since_epoch().count(), m.seconds);
    CHECK(in.End());
  }
}

TEST_CASE("Time refuses every other form") {
  struct Text {
    std::uint8_t tag;
    std::string_view text;
  };
  const Text kTexts[] = {
      {der::kUtcTime, ""},
      {der::kUtcTime, "2602290000Z"},
      {der::kUtcTime, "260101000000"},
      {der::kUtcTime, "260101000000+0000"},
      {der::kUtcTime, "260101000000z"},
      {der::kUtcTime, "260229000000Z"},  // 2026 is no leap year
      {der::kUtcTime, "260431000000Z"},
      {der::kUtcTime, "260001000000Z"},
      {der::kUtcTime, "261301000000Z"},
      {der::kUtcTime, "260100000000Z"},
      {der::kUtcTime, "260101240000Z"},
      {der::kUtcTime, "260101006000Z"},
      {der::kUtcTime, "260101000060Z"},  // RFC 5280 knows no leap second
      {der::kUtcTime, "26010100000 Z"},
      {der::kUtcTime, "-60101000000Z"},
      {der::kUtcTime, "20260101000000Z"},
      {der::kGeneralizedTime, "20260101000000Z"},  // belongs in UTCTime
      {der::kGeneralizedTime, "20500101000000.5Z"},
      {der::kGeneralizedTime, "205001010000Z"},
      {der::kGeneralizedTime, "500101000000Z"},
      {der::kGeneralizedTime, "2O500101000000Z"},
      {der::kOctetString, "260101000000Z"},
  };
  for (const Text& t : kTexts) {
    CAPTURE(t.text);
    der::Writer out;
    out.Value(t.tag, AsBytes(t.text));
    const auto got = der::Reader(out.view()).Time();
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(der::kBadDer));
  }
}

TEST_CASE("object identifiers") {
  struct Oid {
    std::string_view text;
    std::string_view hex;
  };
  for (const Oid& o : {Oid{"0.0", "00"}, Oid{"0.39", "27"}, Oid{"1.0", "28"}, Oid{"1.39", "4f"},
                       Oid{"2.0", "50"}, Oid{"2.47", "7f"}, Oid{"2.48", "8100"},
                       Oid{"2.999.3", "883703"}, Oid{"1.2.840.10045.4.3.2", "2a8648ce3d040302"},
                       Oid{"1.3.6.1.4.1.57264.1.8", "2b0601040183bf300108"},
                       Oid{"1.3.18446744073709551615", "2b81ffffffffffffffff7f"}}) {
    CAPTURE(o.text);
    CHECK_EQ(Hex(der::OidContent(o.text)), o.hex);
    CHECK_EQ(der::OidText(FromHex(o.hex)), o.text);
  }
  for (const std::string_view hex :
       {"", "80", "2a80", "2a8001", "2a86", "2a83ffffffffffffffff7f"}) {
    CAPTURE(hex);
    CHECK_EQ(der::OidText(FromHex(hex)), "invalid OID");
  }
}
