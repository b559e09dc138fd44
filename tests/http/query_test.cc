#include "http/query.h"

#include <doctest/doctest.h>

namespace {

TEST_CASE("pairs, escapes and faults") {
  struct Case {
    const char* text;
    bool ok;
    const char* value;  // of "a"
  };
  const Case cases[] = {
      {"", true, ""},        {"a=1", true, "1"},       {"b=2&a=1", true, "1"}, {"a", true, ""},
      {"a=", true, ""},      {"a=x%2By", true, "x+y"}, {"a=x+y", true, "x y"}, {"%61=1", true, "1"},
      {"&&a=1&", true, "1"}, {"a=1=2", true, "1=2"},   {"a=1&a=2", false, ""}, {"a=%", false, ""},
      {"a=%2", false, ""},   {"a=%zz", false, ""},     {"a=%4", false, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto query = http::Query::Parse(c.text);
    REQUIRE_EQ(query.has_value(), c.ok);
    if (query) CHECK_EQ(query->Text("a"), c.value);
  }
}

TEST_CASE("numbers are decimal, whole and below 2^63") {
  struct Case {
    const char* text;
    bool ok;
  };
  const Case cases[] = {{"a=0", true},
                        {"a=9223372036854775807", true},
                        {"a=9223372036854775808", false},
                        {"a=", false},
                        {"b=1", false},
                        {"a=-1", false},
                        {"a=1x", false},
                        {"a= 1", false},
                        {"a=99999999999999999999", false}};
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto query = http::Query::Parse(c.text);
    REQUIRE(query);
    CHECK_EQ(query->Number("a").has_value(), c.ok);
  }
}

}  // namespace
