#include "schema/base/json_read.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace {

using schema::Json;
using schema::ReadQuick;
using schema::ReadStrict;

constexpr std::size_t kDepth = 4;

}  // namespace

TEST_CASE("the quick reader gives the value of the strict one") {
  const std::string_view kTexts[] = {
      "0",
      "-0",
      "-0.0",
      "1",
      "-1",
      "9223372036854775807",
      "9223372036854775808",
      "18446744073709551615",
      "-9223372036854775808",
      "0.1",
      "1.0",
      "1e3",
      "-1.5E-7",
      "1e308",
      "4.9406564584124654e-324",
      "123456789012345.678901234567890123456789",
      "true",
      "null",
      R"("a\"b\\c\/d\b\f\n\r\té😀")",
      "\t\r\n [ 1 , { } ] ",
      R"({"b":[1,{"c":null}],"a":"x","":-2})",
      "[[[[]]]]",
  };
  for (const std::string_view text : kTexts) {
    CAPTURE(text);
    const auto quick = ReadQuick(text, kDepth);
    const auto strict = ReadStrict(text, kDepth);
    REQUIRE(quick);
    REQUIRE(strict);
    CHECK_EQ(*quick, *strict);
    CHECK_EQ(quick->dump(), strict->dump());
    CHECK_EQ(quick->is_number_float(), strict->is_number_float());
  }
}

TEST_CASE("the quick reader leaves the rest to the strict one") {
  const std::string_view kTexts[] = {
      "18446744073709551616",  // taken by the strict one, as a double
      "-9223372036854775809",
      R"("\u00e9")",
      R"("\udc00")",
      R"({"a":1,"a":2})",
      "[[[[[]]]]]",
      "{}x",
      "1e999",
      "[01]",
      "\"\xed\xa0\x80\"",
      "\"\x01\"",
      "",
      std::string_view(),  // no octets at no address
      " ",
  };
  for (const std::string_view text : kTexts) {
    CAPTURE(text);
    CHECK_FALSE(ReadQuick(text, kDepth));
  }
}

TEST_CASE("one reading does not reach into the next") {
  const auto first = ReadQuick(R"({"a":"first"})", kDepth);
  CHECK_FALSE(ReadQuick("{", kDepth));
  CHECK(ReadQuick("[" + std::string(100'000, ' ') + "]", kDepth));
  REQUIRE(first);
  CHECK_EQ(first->dump(), R"({"a":"first"})");
}
