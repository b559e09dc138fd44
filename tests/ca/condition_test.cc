#include "ca/condition.h"

#include <doctest/doctest.h>

#include "ca/glob.h"
#include "schema/base/limits.h"

namespace {

using Finding = ca::Condition::Finding;

schema::Result<ca::Condition> Parse(const std::string& text) {
  auto root = schema::ParseDocument("c: " + text + "\n");
  if (!root) FAIL(root.error().Describe());
  return ca::Condition::Parse("c", *root->Find("c"));
}

ca::Condition Good(const std::string& text) {
  auto condition = Parse(text);
  if (!condition) FAIL(condition.error().Describe());
  return *std::move(condition);
}

schema::Json Claims(const std::string& text) {
  auto json = schema::ParseJson(text, {.bytes = 1 << 16});
  REQUIRE(json);
  return *std::move(json);
}

// Every operator against every kind of value. The letters stand in the order of kWanted.
constexpr const char* kWanted[] = {"\"1\"", "{any: [a, \"1\"]}", "{glob: \"*1\"}", "{regex: '1'}",
                                   "{absent: true}"};
struct Row {
  const char* claims;
  const char* findings;  // m matched, d differs, - missing, t wrong type
};
constexpr Row kRows[] = {
    {R"({"c":"1"})", "mmmmd"},
    {R"({"c":"a"})", "dmddd"},
    {R"({"c":"11"})", "ddmdd"},
    {R"({"c":""})", "ddddd"},
    {R"({"c":"1 "})", "ddddd"},
    {R"({"c":"x/1"})", "ddddd"},
    {R"({"c":1})", "mmmmd"},
    {R"({"c":1.0})", "mmmmd"},
    {R"({"c":2})", "ddddd"},
    {R"({"c":true})", "ddddd"},
    {R"({"c":null})", "----m"},
    {R"({})", "----m"},
    {R"({"C":"1"})", "----m"},
    {R"([])", "----m"},
    {R"({"c":[]})", "ddddd"},
    {R"({"c":["b","1"]})", "mmmmd"},
    {R"({"c":[null,1]})", "mmmmd"},
    {R"({"c":[null]})", "ddddd"},
    {R"({"c":["b"]})", "ddddd"},
    {R"({"c":[["1"]]})", "ttttd"},
    {R"({"c":["b",{}]})", "ttttd"},
    {R"({"c":["1",{}]})", "mmmmd"},
    {R"({"c":{"1":1}})", "ttttt"},
    {R"({"c":1e300})", "ttttt"},
    {R"({"c":0.1234567890123456})", "ttttt"},
};

char Letter(Finding finding) { return "md-t"[static_cast<int>(finding)]; }

TEST_CASE("every operator against every kind of value") {
  for (const Row& row : kRows) {
    const std::string claims = row.claims;
    CAPTURE(claims);
    std::string found;
    for (const char* wanted : kWanted) found += Letter(Good(wanted).Test(Claims(claims)));
    CHECK_EQ(found, row.findings);
  }
}

TEST_CASE("numbers and booleans match as JSON writes them, where no digit was lost") {
  struct Case {
    const char* wanted;
    const char* value;
    char finding;
  };
  const Case cases[] = {
      {"7", "7", 'm'},
      {"7", "\"7\"", 'm'},
      {"7", "7.0", 'm'},
      {"7", "7.5", 'd'},
      {"1.5", "1.5", 'm'},
      {"-5", "-5", 'm'},
      {"\"1000000\"", "1e6", 'm'},
      {"\"9007199254740993\"", "9007199254740993", 'm'},
      {"\"9007199254740992\"", "9007199254740992.0", 'm'},
      {"\"9007199254740994\"", "9007199254740994.0", 't'},
      {"\"18446744073709551615\"", "18446744073709551615", 'm'},
      {"\"18446744073709551616\"", "18446744073709551616", 't'},
      {"true", "true", 'm'},
      {"True", "true", 'm'},
      {"true", "\"true\"", 'm'},
      {"true", "1", 'd'},
      {"true", "\"True\"", 'd'},
      {"false", "false", 'm'},
  };
  for (const Case& c : cases) {
    CAPTURE(c.wanted);
    CAPTURE(c.value);
    CHECK_EQ(Letter(Good(c.wanted).Test(Claims(std::string(R"({"c":)") + c.value + "}"))),
             c.finding);
  }
}

TEST_CASE("a glob's star never crosses a slash, and nothing else is special") {
  struct Case {
    const char* glob;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"*", "", true},
      {"*", "abc", true},
      {"*", "a/b", false},
      {"a/*/c", "a/b/c", true},
      {"a/*/c", "a//c", true},
      {"a/*/c", "a/b/b/c", false},
      {"a/*", "a/", true},
      {"a/*", "a", false},
      {"a/*", "a/b/", false},
      {"*/*", "a/b", true},
      {"*/*", "a", false},
      {"v*", "v1", true},
      {"v*", "xv1", false},
      {"*.yml@refs/tags/v*", "release.yml@refs/tags/v1.2", true},
      {"*.yml@refs/tags/v*", "release.yml@refs/tags/v1/2", false},
      {"*.yml@refs/tags/v*", "release.yml@refs/heads/v1", false},
      {"*ab*ab", "abab", true},
      {"*ab*ab", "ab", false},
      {"*aab", "aaaab", true},
      {"a*/b*/c", "a1/b2/c", true},
      {"a.c", "abc", false},
      {"a?c", "abc", false},
      {"[ab]", "a", false},
      {"a\\*", "a\\b", true},
      {"a", "A", false},
      {"é*", "éa", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.glob);
    CAPTURE(c.text);
    CHECK_EQ(ca::GlobMatches(c.glob, c.text), c.matches);
  }
  // Many stars against a text that nearly fits: steps are pattern × text, not exponential.
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "a*";
  CHECK_FALSE(ca::GlobMatches(stars + "b", std::string(4000, 'a')));
}

TEST_CASE("a regex is RE2, and matches the whole text or not at all") {
  struct Case {
    const char* regex;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"v[0-9]+", "v12", true}, {"v[0-9]+", "v12x", false}, {"v[0-9]+", "xv12", false},
      {"a|b", "a", true},       {"a|b", "ab", false},       {"a|bc", "ac", false},
      {"^a$", "a", true},       {"(?m)^a$", "a\nb", false}, {"a", "a\n", false},
      {".*", "a\nb", false},    {"(?s).*", "a\nb", true},   {"(?i)MAIN", "main", true},
      {"é.", "éü", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.regex);
    CAPTURE(c.text);
    CHECK_EQ(Good(std::string("{regex: '") + c.regex + "'}").MatchesText(c.text), c.matches);
  }
}

TEST_CASE("patterns that ruin other engines are refused or linear") {
  CHECK_FALSE(Parse("{regex: '((((a{100}){100}){100}){100})'}"));
  CHECK_FALSE(Parse("{regex: '(a)\\1'}"));
  CHECK_FALSE(Parse("{regex: '(?=a)b'}"));
  const std::string text = std::string(4000, 'a') + "!";
  for (const char* regex : {"(a+)+b", "(a|aa)+b", "(.*)*x", "(a|b)*a(a|b){60}b"}) {
    CAPTURE(regex);
    CHECK_FALSE(Good(std::string("{regex: '") + regex + "'}").MatchesText(text));
  }
}

TEST_CASE("a text beyond the limit cannot be judged") {
  const std::string longest(schema::limits::kClaimTextBytes, 'a');
  CHECK_EQ(Good("{regex: 'a+'}").Test({{"c", longest}}), Finding::kMatched);
  for (const char* wanted : kWanted) {
    CHECK_EQ(Good(wanted).Test({{"c", longest + "a"}}), Finding::kWrongType);
  }
}

TEST_CASE("one of many is found among a thousand, and only those") {
  std::string list;
  for (int i = 999; i >= 0; --i) list += "\"" + std::to_string(i * 2) + "\",";
  const ca::Condition condition = Good("{any: [" + list + "]}");
  CHECK_EQ(condition.values().front(), "1998");  // as written
  for (int i = 0; i < 2000; ++i) {
    CHECK_EQ(condition.MatchesText(std::to_string(i)), i % 2 == 0);
  }
}

TEST_CASE("what people read") {
  CHECK_EQ(ca::WantedText(Good("a\"b")), R"("a\"b")");
  CHECK_EQ(ca::WantedText(Good("{any: [a, 1]}")), R"(one of "a", "1")");
  CHECK_EQ(ca::WantedText(Good("{glob: a/*}")), R"(glob "a/*")");
  CHECK_EQ(ca::WantedText(Good("{regex: 'a+'}")), R"(regex "a+")");
  CHECK_EQ(ca::WantedText(Good("{absent: true}")), "absent");
  CHECK_EQ(ca::FoundText(Claims(R"({"c":"x"})"), "c"), "\"x\"");
  CHECK_EQ(ca::FoundText(Claims(R"({"c":null})"), "c"), "null");
  CHECK_EQ(ca::FoundText(Claims("{}"), "c"), "missing");
  CHECK_EQ(ca::FoundText(Claims("[]"), "c"), "missing");
  CHECK_LE(ca::FoundText({{"c", std::string(1000, 'x')}}, "c").size(), 210);
}

TEST_CASE("a condition that cannot be meant is refused, with its place") {
  struct Bad {
    const char* text;
    const char* want;
  };
  const Bad cases[] = {
      {"", "line 1: c: wanted a value"},
      {"[a]", "{any: […]}"},
      {"{}", "wanted one of any, glob, regex and absent"},
      {"{any: [a], glob: b}", "wanted one of"},
      {"{anny: [a]}", "c.anny: unknown key; did you mean 'any'?"},
      {"{any: []}", "c.any: wanted a list of at least one"},
      {"{any: a}", "c.any: wanted a list"},
      {"{any: [a, a]}", "c.any[1]: 'a' is there twice"},
      {"{any: [1, \"1\"]}", "twice"},
      {"{any: [[a]]}", "c.any[0]: wanted a string"},
      {"{any: [{glob: a}]}", "c.any[0]"},
      {"{any: [null]}", "c.any[0]: wanted a value"},
      {"{glob: \"\"}", "c.glob: is empty"},
      {"{glob: [a]}", "c.glob: wanted a string"},
      {"{glob: \"a/**\"}", "never crosses"},
      {"{regex: \"\"}", "c.regex: is empty"},
      {"{regex: '('}", "c.regex: is not a usable RE2 expression"},
      {"{regex: '(?<=a)b'}", "c.regex: is not a usable"},
      {"{absent: false}", "c.absent: wanted true"},
      {"{absent: yes}", "c.absent: wanted true or false"},
      {"1e3", "'1e3' is not how JSON writes this number; put it in quotes"},
      {"0x10", "quotes"},
      {"0123456", "quotes"},
      {"7.0", "quotes"},
      {"+5", "quotes"},
      {".inf", "quotes"},
      {"18446744073709551616", "quotes"},
  };
  for (const Bad& c : cases) {
    CAPTURE(c.text);
    const auto condition = Parse(c.text);
    REQUIRE_FALSE(condition);
    CAPTURE(condition.error().detail);
    CHECK_NE(condition.error().detail.find(c.want), std::string::npos);
  }
  CHECK_FALSE(Parse("{regex: '" + std::string(1025, 'a') + "'}"));
  CHECK_FALSE(Parse("{glob: '" + std::string(1025, 'a') + "'}"));
  CHECK_FALSE(Parse("'" + std::string(4097, 'a') + "'"));
}

}  // namespace
