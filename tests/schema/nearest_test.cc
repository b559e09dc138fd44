// What is proposed for a mistyped word.
#include "schema/base/nearest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

TEST_CASE("the nearest word within two edits, or none") {
  struct Case {
    const char* name;
    std::string_view text;
    std::vector<std::string_view> known;
    std::string_view want;
  };
  const Case cases[] = {
      {"the word itself", "when", {"grant", "when"}, "when"},
      {"one replaced", "whan", {"grant", "when"}, "when"},
      {"one inserted", "wheen", {"grant", "when"}, "when"},
      {"one left out", "whn", {"grant", "when"}, "when"},
      {"two exchanged are two edits", "wehn", {"grant", "when"}, "when"},
      {"three edits", "repositoy_own", {"repository_owner"}, ""},
      {"case is an edit", "Ref", {"ref"}, "ref"},
      {"nothing alike", "colour", {"grant", "when"}, ""},
      {"nothing known", "when", {}, ""},
      {"no text", "", {"grant", "when"}, ""},
      {"the nearer of two", "refs", {"revs2", "ref", "refsx"}, "ref"},
      {"of two as near, the first", "cat", {"bat", "rat"}, "bat"},
      {"a nearer one later", "subject", {"subjecta1", "subjects"}, "subjects"},
      {"a short word is not another short word", "gl", {"gh"}, ""},
      {"nor is a letter another", "a", {"b"}, ""},
      {"but it is itself", "gl", {"gh", "gl"}, "gl"},
      {"a letter too many", "ghh", {"gh"}, "gh"},
      {"everything of a short word is not left", "xyz", {"x"}, ""},
      {"two edits of three octets make any word", "deny", {"key"}, ""},
      {"one edit does not", "keys", {"key"}, "key"},
      {"octets count, not characters", "caf\xc3\xa9", {"cafe"}, "cafe"},
      {"much longer than any", std::string_view("whenwhenwhenwhen"), {"when"}, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK_EQ(schema::Nearest(c.text, c.known), c.want);
  }
}

}  // namespace
