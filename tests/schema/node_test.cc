#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "schema/base/core_schema.h"
#include "schema/base/document.h"

namespace {

using schema::Node;
using Kind = schema::Node::Kind;

Node Parse(std::string_view text) {
  auto got = schema::ParseDocument(text);
  REQUIRE(got);
  return *std::move(got);
}

template <class T>
std::string DetailOf(const schema::Result<T>& result) {
  REQUIRE_FALSE(result);
  CHECK(result.error().Is(schema::kBadSetting));
  return result.error().detail;
}

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("plain scalars have the types of the core schema (YAML 1.2.2 10.3.2)") {
  for (const std::string_view text : {"", "~", "null", "Null", "NULL"}) {
    CAPTURE(text);
    CHECK(schema::CoreKind(text) == Kind::kNull);
  }
  for (const std::string_view text : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    CAPTURE(text);
    CHECK(schema::CoreKind(text) == Kind::kBool);
  }
  for (const std::string_view text :
       {"0", "-1", "+12", "007", "0o17", "0x1F", "1.5", ".5", "5.", "-1e3", "1E+3", "6.02e-23",
        ".inf", "-.Inf", "+.INF", ".nan", ".NaN"}) {
    CAPTURE(text);
    CHECK(schema::CoreKind(text) == Kind::kNumber);
  }
  for (const std::string_view text :
       {"yes",   "no",         "on",    "off",   "y",   "tRue", "nULL", "nil", "-",
        "+",     ".",          "1_000", "0x",    "0o8", "0xg",  "-0x1", "1e",  "e3",
        "1.2.3", "2026-01-01", "30s",   "12:30", ".e1", "inf",  "-.nan"}) {
    CAPTURE(text);
    CHECK(schema::CoreKind(text) == Kind::kString);
  }
}

TEST_CASE("Integer") {
  const auto read = [](std::string_view text) { return Parse(text).Integer(kLeast, kMost); };
  CHECK_EQ(*read("42"), 42);
  CHECK_EQ(*read("-7"), -7);
  CHECK_EQ(*read("+7"), 7);
  CHECK_EQ(*read("0x1F"), 31);
  CHECK_EQ(*read("0o17"), 15);
  CHECK_EQ(*read("010"), 10);
  CHECK_EQ(*read("9223372036854775807"), kMost);
  for (const std::string_view text :
       {"9223372036854775808", "1.5", "1e3", "'42'", "true", "~", "[1]", "a", ".nan"}) {
    CAPTURE(text);
    CHECK_FALSE(read(text));
  }
  const Node port = Parse("port: 70000");
  CHECK_EQ(DetailOf(port.Find("port")->Integer(1, 65535)),
           "line 1: port: must be from 1 to 65535, found 70000");
  CHECK(port.Find("port")->Integer(70000, 70000));
}

TEST_CASE("String, Bool, Duration and Strings") {
  const Node root = Parse(
      "text: abc\nnumber: 0x10\nflag: True\nnone:\nlist: [a, 1, true]\nmap: {}\nwait: 90s\n"
      "quoted: 'true'\nmixed: [a, [b]]");
  CHECK_EQ(*root.Find("text")->String(), "abc");
  CHECK_EQ(*root.Find("number")->String(), "0x10");
  CHECK_EQ(*root.Find("flag")->String(), "True");
  CHECK_EQ(DetailOf(root.Find("none")->String()), "line 4: none: wanted a string, found nothing");
  CHECK_EQ(DetailOf(root.Find("list")->String()), "line 5: list: wanted a string, found a list");

  CHECK(*root.Find("flag")->Bool());
  CHECK_FALSE(*Parse("false").Bool());
  CHECK_EQ(DetailOf(root.Find("quoted")->Bool()),
           "line 8: quoted: wanted true or false, found a string");

  CHECK_EQ(root.Find("wait")->Duration()->count(), 90'000);
  CHECK_NE(DetailOf(root.Find("text")->Duration()).find("found 'abc'"), std::string::npos);
  CHECK_NE(DetailOf(Parse("90").Duration()).find("found '90'"), std::string::npos);
  CHECK_FALSE(root.Find("map")->Duration());

  CHECK_EQ(root.Find("list")->Strings()->size(), 3);
  CHECK_EQ((*root.Find("list")->Strings())[1], "1");
  CHECK_EQ((*root.Find("text")->Strings())[0], "abc");
  CHECK_EQ(DetailOf(root.Find("mixed")->Strings()),
           "line 9: mixed[1]: wanted a string, found a list");
  CHECK_FALSE(root.Find("none")->Strings());
  CHECK_FALSE(root.Find("map")->Strings());
}

TEST_CASE("Need") {
  const Node root = Parse("a: {b: 1}\nc: 2");
  CHECK_EQ(*(*(*root.Need("a"))->Need("b"))->Integer(0, 9), 1);
  CHECK_EQ(DetailOf(root.Find("a")->Need("x")), "line 1: a: 'x' is missing");
  CHECK_EQ(DetailOf(root.Find("c")->Need("x")), "line 2: c: wanted a map, found a number");
  CHECK_EQ(DetailOf(Parse("").Need("x")), "the document: wanted a map, found nothing");
}

TEST_CASE("OnlyKeys names the first stranger and what was likely meant") {
  const Node root = Parse("ca:\n  certifcate: x\n  zzz: y");
  CHECK(root.OnlyKeys({"ca", "log"}));
  CHECK_EQ(DetailOf(root.Find("ca")->OnlyKeys({"key", "certificate"})),
           "line 2: ca.certifcate: unknown key; did you mean 'certificate'?");
  CHECK_EQ(DetailOf(root.Find("ca")->OnlyKeys({"certifcate", "key"})),
           "line 3: ca.zzz: unknown key");
  CHECK_FALSE(Parse("[a]").OnlyKeys({"a"}));
  CHECK_FALSE(root.OnlyKeys({}));
}
