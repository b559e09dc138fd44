#include "schema/base/json.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using schema::Json;
using schema::JsonLimits;
using schema::ParseJson;
using namespace std::string_view_literals;

constexpr JsonLimits kLimits{4096, 4};

struct Case {
  std::string_view name;
  std::string_view text;
  const char* want;  // dump(), or nullptr: refused
};

}  // namespace

TEST_CASE("ParseJson takes RFC 8259 JSON") {
  const Case kCases[] = {
      {"scalars", "[null,true,false,1,-1,\"a\"]", "[null,true,false,1,-1,\"a\"]"},
      {"a scalar alone (RFC 8259 2)", " \"a\" ", "\"a\""},
      {"the four white spaces", "\t\r\n {} ", "{}"},
      {"keys come out sorted", R"({"b":1,"a":2})", R"({"a":2,"b":1})"},
      {"same key in different objects", R"({"a":{"a":{"a":1}}})", R"({"a":{"a":{"a":1}}})"},
      {"same key in siblings", R"([{"a":1},{"a":2}])", R"([{"a":1},{"a":2}])"},
      {"empty key", R"({"":1})", R"({"":1})"},
      {"largest 64-bit numbers", "[18446744073709551615,-9223372036854775808]",
       "[18446744073709551615,-9223372036854775808]"},
      {"escapes", R"("\u00e9\n\/\ud83d\ude00")", "\"é\\n/😀\""},
      {"escaped NUL", R"("\u0000")", R"("\u0000")"},
      {"depth at the limit", "[[[[]]]]", "[[[[]]]]"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = ParseJson(c.text, kLimits);
    REQUIRE(got);
    CHECK_EQ(got->dump(), c.want);
  }
}

TEST_CASE("ParseJson refuses") {
  const Case kCases[] = {
      {"nothing", "", nullptr},
      {"white space alone", "  ", nullptr},
      {"a key twice", R"({"sub":"a","sub":"b"})", nullptr},
      {"a key twice, once escaped", R"({"sub":1,"\u0073ub":2})", nullptr},
      {"a key twice, deep", R"([{"x":{"a":1,"b":2,"a":1}}])", nullptr},
      {"too deep, arrays", "[[[[[]]]]]", nullptr},
      {"too deep, objects", R"({"a":{"a":{"a":{"a":{}}}}})", nullptr},
      {"bytes after the value", "{}x", nullptr},
      {"a second value", "{} {}", nullptr},
      {"NUL after the value", "{}\0"sv, nullptr},
      {"NUL hiding a second value", "{}\0{}"sv, nullptr},
      {"byte order mark", "\xef\xbb\xbf{}", nullptr},
      {"not UTF-8", "\"\xff\"", nullptr},
      {"overlong UTF-8", "\"\xc0\xaf\"", nullptr},
      {"surrogate in UTF-8", "\"\xed\xa0\x80\"", nullptr},
      {"lone surrogate escape", R"("\ud800")", nullptr},
      {"low surrogate first", R"("\ude00\ud83d")", nullptr},
      {"control character in a string", "\"a\tb\"", nullptr},
      {"cut off", R"({"a":)", nullptr},
      {"trailing comma", "[1,]", nullptr},
      {"comment", "{}//", nullptr},
      {"single quotes", "{'a':1}", nullptr},
      {"leading zero", "[01]", nullptr},
      {"plus sign", "[+1]", nullptr},
      {"bare fraction", "[.5]", nullptr},
      {"NaN", "[NaN]", nullptr},
      {"a number beyond double", "[1e999]", nullptr},
      {"vertical tab", "\v{}", nullptr},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = ParseJson(c.text, kLimits);
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(schema::kBadJson));
    CHECK_NE(got.error().detail, "");
  }
}

TEST_CASE("the size limit counts the whole text") {
  CHECK(ParseJson("[1]", {3, 4}));
  CHECK_FALSE(ParseJson("[1] ", {3, 4}));
  CHECK_FALSE(ParseJson("[]", {10, 0}));
  CHECK(ParseJson("1", {10, 0}));
}

TEST_CASE("numbers keep their digits up to 64 bits, and show when they do not") {
  CHECK((*ParseJson("18446744073709551615", kLimits)).is_number_unsigned());
  CHECK((*ParseJson("-9223372036854775808", kLimits)).is_number_integer());
  CHECK((*ParseJson("18446744073709551616", kLimits)).is_number_float());
  CHECK((*ParseJson("1.0", kLimits)).is_number_float());
  CHECK((*ParseJson("1e3", kLimits)).is_number_float());
}

TEST_CASE("the detail names the reason and the byte, never the content") {
  const auto repeated = ParseJson(R"({"secret":1,"secret":2})", kLimits);
  REQUIRE_FALSE(repeated);
  CHECK_EQ(repeated.error().detail, "a key repeats in its object at byte 20");
  const auto malformed = ParseJson(R"({"secret":"token"x)", kLimits);
  REQUIRE_FALSE(malformed);
  CHECK_EQ(malformed.error().detail, "not RFC 8259 JSON in UTF-8 at byte 18");
}

TEST_CASE("a hostile text costs no more than its size") {
  const std::string brackets(1 << 20, '[');
  CHECK_FALSE(ParseJson(brackets, {1 << 20, 32}));
  std::string wide = "[";
  for (int i = 0; i < 100'000; ++i) wide += "{},";
  wide += "{}]";
  CHECK_EQ(ParseJson(wide, {1 << 20, 32})->size(), 100'001);
}

TEST_CASE("many members in one object stay distinct") {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i)
    text += "\"k" + std::to_string(i) + "\":[" + std::to_string(i) + "],";
  text += "\"last\":{\"k0\":true}}";
  const auto got = ParseJson(text, {1 << 20, 32});
  REQUIRE(got);
  CHECK_EQ(got->size(), 1001);
  CHECK_EQ((*got)["k999"][0], 999);
  CHECK_EQ((*got)["last"]["k0"], true);
}

TEST_CASE("AppendJson writes what dump() writes") {
  const std::string_view kTexts[] = {
      R"({})",
      R"([])",
      R"({"a":{},"b":[]})",
      R"("")",
      R"("a\"b\\c\/d\u0000\u001f\u007f")",
      R"("é😀~ ")",
      R"([0,18446744073709551615,-1,-9223372036854775808,0.5,1e300,true,false,null])",
      R"({"":1,"a\"":[{"b":[[1],["é"]]}]})",
  };
  for (const std::string_view text : kTexts) {
    CAPTURE(text);
    const Json value = Json::parse(text);
    std::string out = "x";
    schema::AppendJson(value, out);
    CHECK_EQ(out, "x" + value.dump());
  }
  // Every single octet, and each between two others.
  for (int octet = 0; octet < 256; ++octet) {
    const char c = static_cast<char>(octet);
    for (const std::string& text : {std::string{c}, std::string{'a', c, 'z'}}) {
      std::string out;
      schema::AppendJsonText(text, out);
      CHECK_EQ(out, Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
}
