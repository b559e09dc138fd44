#include "schema/base/document.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using schema::Node;
using schema::ParseDocument;
using namespace std::string_view_literals;

// One line for a whole tree, so that a table of cases can hold it.
std::string Flat(const Node& node) {
  std::string out;
  switch (node.kind()) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
      return node.text();
    case Node::Kind::kString:
      return "'" + node.text() + "'";
    case Node::Kind::kList:
      for (const Node& item : node.items()) out += (out.empty() ? "" : ",") + Flat(item);
      return "[" + out + "]";
    case Node::Kind::kMap:
      for (const auto& [key, value] : node.members()) {
        out += (out.empty() ? "" : ",") + key + ":" + Flat(value);
      }
      return "{" + out + "}";
  }
  return "?";
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view want;  // Flat, or a part of the detail
};

}  // namespace

TEST_CASE("ParseDocument reads YAML and JSON") {
  const Case kCases[] = {
      {"nothing", "", "null"},
      {"a comment", "# nothing\n", "null"},
      {"a map in file order", "b: 1\na: 2\n", "{b:1,a:2}"},
      {"CRLF", "a: 1\r\nb: x\r\n", "{a:1,b:'x'}"},
      {"byte order mark",
       "\xef\xbb\xbf"
       "a: 1",
       "{a:1}"},
      {"a list", "- a\n-\n- [1, {b: c}]\n", "['a',null,[1,{b:'c'}]]"},
      {"literal block", "a: |\n  x\n  y\n", "{a:'x\ny\n'}"},
      {"folded block", "a: >-\n  x\n  y\n", "{a:'x y'}"},
      {"JSON", "{\"a\":[1,true,null,\"\\u00e9\\/\"],\n\t\"b\":{}}", "{a:[1,true,null,'é/'],b:{}}"},
      {"document markers", "--- \na: 1\n...\n", "{a:1}"},
      {"!!str", "a: !!str 5", "{a:'5'}"},
      {"quotes make strings", "a: '1'\nb: \"true\"\nc: \"\"", "{a:'1',b:'true',c:''}"},
      {"a key that is a number", "8080: x", "{8080:'x'}"},
      {"URL as a key", "https://a.b:\n  c: d", "{https://a.b:{c:'d'}}"},
      {"an alias", "a: &x {b: 1}\nc: *x", "{a:{b:1},c:{b:1}}"},
      {"an anchor set anew", "a: &x 1\nb: &x 2\nc: *x", "{a:1,b:2,c:2}"},
      {"an alias as a key", "a: &x k\n*x : 1", "{a:'k',k:1}"},
      {"an alias as a key, colon attached", "a: &x k\n*x:\n  b: 1", "{a:'k',k:{b:1}}"},
      {"the same in a flow map", "a: &x k\nb: {*x: 1}", "{a:'k',b:{k:1}}"},
      {"a colon in an anchor's name", "a: &x:y 1\nb: *x:y", "{a:1,b:1}"},
      {"no repair inside a block", "a: &x k\nb: |\n  *x: 1\n", "{a:'k',b:'*x: 1\n'}"},
      {"no repair inside quotes", "a: &x k\nb: '*x: 1'\n*x: 2", "{a:'k',b:'*x: 1',k:2}"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = ParseDocument(c.text);
    REQUIRE(got);
    CHECK_EQ(Flat(*got), c.want);
  }
}

TEST_CASE("merge keys") {
  const Case kCases[] = {
      {"one map", "a: &x {p: 1, q: 2}\nb: {<<: *x, r: 3}", "{a:{p:1,q:2},b:{r:3,p:1,q:2}}"},
      {"written before wins", "a: &x {p: 1}\nb: {p: 2, <<: *x}", "{a:{p:1},b:{p:2}}"},
      {"written after wins", "a: &x {p: 1}\nb: {<<: *x, p: 2}", "{a:{p:1},b:{p:2}}"},
      {"the first of several wins", "b: {<<: [{p: 1}, {p: 2, q: 3}]}", "{b:{p:1,q:3}}"},
      {"merged maps merge on", "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}",
       "{a:{p:1},b:{q:2,p:1},c:{q:2,p:1}}"},
      {"quoted is a plain key", "a: {'<<': 1}", "{a:{<<:1}}"},
      {"an alias to << is a plain key", "a: &x <<\nb: {*x : 1}", "{a:'<<',b:{<<:1}}"},
      {"an empty map", "a: {<<: {}, p: 1}", "{a:{p:1}}"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = ParseDocument(c.text);
    REQUIRE(got);
    CHECK_EQ(Flat(*got), c.want);
  }
}

TEST_CASE("ParseDocument refuses") {
  const Case kCases[] = {
      {"a key twice", "a: 1\nb: 2\na: 3", "line 3: 'a' repeats in its map"},
      {"a key twice, once quoted", "a: 1\n\"a\": 2", "line 2: 'a' repeats"},
      {"a key twice, once by alias", "x: &k a\na: 1\n*k : 2", "line 3: 'a' repeats"},
      {"two merges", "a: {<<: {}, <<: {}}", "line 1: '<<' repeats"},
      {"a merge of a scalar", "a:\n  <<: 3", "line 2: '<<' stands for no map"},
      {"a merge of a list of scalars", "<<: [1]", "'<<' stands for no map"},
      {"a list as a key", "? [a]\n: b", "line 1: a list or map as a key"},
      {"a map as a key", "{{a: b}: c}", "a list or map as a key"},
      {"no key", "{a: 1, : 2}", "a key is missing"},
      {"an alias that is not defined", "a: *x", "line 1: the referenced anchor is not defined"},
      {"an alias to what follows", "a: *x\nb: &x 1", "the referenced anchor is not defined"},
      {"an alias inside its anchor", "a: &x [*x]", "an alias inside what it stands for"},
      {"an alias inside its anchor, as a merge", "a: &x {<<: *x}", "an alias inside"},
      {"two documents", "a: 1\n---\nb: 2", "more than one document"},
      {"an unknown tag", "a: 1\nb: !ruby/object x", "line 2: a tag other than !!str"},
      {"a tag on a map", "a: !!set {b}", "a tag on a list or map"},
      {"a tab as indentation", "a:\n\tb: 1", "line 2"},
      {"an open bracket", "a: [1", "line "},
      {"an open quote", "a: 'x", "line "},
      {"not UTF-8", "a: \xff", "not UTF-8"},
      {"UTF-16",
       "\xff\xfe"
       "a\0:\0"sv,
       "not UTF-8"},
      {"NUL", "a: 1\nb: \0 2"sv, "line 2: a control character"},
      {"end of transmission", "a: 1\n\x04\nb: 2", "line 2: a control character"},
      {"an escape that yaml-cpp reads as Latin-1", "a: \"\\N\"", "line 1: an escape"},
      {"DEL", "a: \x7f", "line 1: a control character"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto got = ParseDocument(c.text);
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(schema::kBadDocument));
    CAPTURE(got.error().detail);
    CHECK_NE(got.error().detail.find(c.want), std::string::npos);
  }
}

TEST_CASE("size, depth and expansion are bounded") {
  CHECK(ParseDocument("a: " + std::string(1'000'000, 'x')));
  CHECK_FALSE(ParseDocument("a: " + std::string(1 << 20, 'x')));
  CHECK(ParseDocument(std::string(64, '[') + std::string(64, ']')));
  CHECK_FALSE(ParseDocument(std::string(65, '[') + std::string(65, ']')));
  CHECK_FALSE(ParseDocument(std::string(100'000, '[')));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  CHECK_FALSE(ParseDocument(dashes + "a"));

  // Depth hides in aliases: each line is one level deeper than the line before.
  std::string deep = "- &a0 []\n";
  for (int i = 1; i < 100; ++i) {
    deep += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  const auto too_deep = ParseDocument(deep);
  REQUIRE_FALSE(too_deep);
  CHECK_EQ(too_deep.error().detail, "line 64: nested too deep");

  // "Billion laughs": nine aliases on each of nine levels.
  std::string laughs = "- &a0 [lol]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    laughs += "- &a" + std::to_string(i) + " [" + alias;
    for (int k = 0; k < 8; ++k) laughs += ", " + alias;
    laughs += "]\n";
  }
  const auto laughed = ParseDocument(laughs);
  REQUIRE_FALSE(laughed);
  CHECK_NE(laughed.error().detail.find("too many values"), std::string::npos);

  // One long text, many aliases to it.
  std::string copies = "- &x " + std::string(500'000, 'x') + "\n";
  for (int i = 0; i < 1000; ++i) copies += "- *x\n";
  CHECK_FALSE(ParseDocument(copies));

  // A long key is in the path of everything below it.
  std::string paths = "? " + std::string(10'000, 'k') + "\n: [";
  for (int i = 0; i < 100'000; ++i) paths += "1,";
  CHECK_FALSE(ParseDocument(paths + "1]"));
}

TEST_CASE("aliases as keys: as many as a configuration has, not without end") {
  const auto document = [](int count) {
    std::string text = "define:\n";
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      text += "  - &type-" + n + " \"kind-" + n + "\"\n";
    }
    for (int i = 0; i < count; ++i) text += "*type-" + std::to_string(i) + ":\n  a: b\n";
    return text;
  };
  const auto few = ParseDocument(document(20));
  REQUIRE(few);
  CHECK_EQ(few->members().size(), 21);
  CHECK_EQ(few->members()[20].first, "kind-19");
  CHECK_FALSE(ParseDocument(document(100)));
}

TEST_CASE("every value knows its path and line") {
  const auto got = ParseDocument(R"(ca:
  key: x
allow:
  - name: a
  - when:
      ref: main
      none:
    "a.b": {c: 1}
base: &base
  p: 1
copy:
  <<: *base
)");
  REQUIRE(got);
  const Node& second = (*got->Need("allow"))->items()[1];
  const Node& ref = *second.Find("when")->Find("ref");
  CHECK_EQ(ref.path(), "allow[1].when.ref");
  CHECK_EQ(ref.line(), 6);
  CHECK_EQ(second.Find("when")->Find("none")->line(), 7);
  CHECK_EQ(second.Find("a.b")->Find("c")->path(), "allow[1][\"a.b\"].c");
  CHECK_EQ(got->Find("ca")->Find("key")->path(), "ca.key");
  // A merged value has the path where it is used and the line where it is written.
  CHECK_EQ(got->Find("copy")->Find("p")->path(), "copy.p");
  CHECK_EQ(got->Find("copy")->Find("p")->line(), 10);
  CHECK_EQ(got->path(), "");
  CHECK_EQ(got->Find("nothing"), nullptr);
}
