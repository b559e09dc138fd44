// Which rule leaves nothing for another. Each "yes" is checked against claims too: what it says of
// all texts must hold of those here.
#include "ca/cover.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "ca/policy.h"

namespace {

ca::Condition Parse(const std::string& claim, const std::string& text) {
  auto root = schema::ParseDocument("c: " + text + "\n");
  if (!root) FAIL(root.error().Describe());
  auto condition = ca::Condition::Parse(claim, *root->Find("c"));
  if (!condition) FAIL(condition.error().Describe());
  return *std::move(condition);
}

// Values that tell the conditions below apart.
constexpr const char* kTexts[] = {"a",  "b",   "c",     "ab", "a/b", "a/c",    "a/b/c", "x/b",
                                  "v1", "v12", "vx",    "*",  "a/*", "refs/v", "",      "/",
                                  "1",  "v",   "a/x/b", "//", "**",  "v1.0",   "a*",    "z"};

// No claim is met by `narrow` and not by `wide`.
bool Contradicted(const ca::Condition& narrow, const ca::Condition& wide) {
  const auto met = [](const ca::Condition& condition, const schema::Json& claims) {
    return condition.Test(claims) == ca::Condition::Finding::kMatched;
  };
  std::vector<schema::Json> all = {schema::Json::object(), {{"c", nullptr}}, {{"c", 1}}};
  for (const char* text : kTexts) all.push_back({{"c", text}});
  for (const char* text : kTexts) all.push_back({{"c", schema::Json::array({text, "b"})}});
  return std::ranges::any_of(
      all, [&](const schema::Json& claims) { return met(narrow, claims) && !met(wide, claims); });
}

TEST_CASE("one condition implies another, where it can be shown") {
  struct Case {
    const char* narrow;
    const char* wide;
    bool want;
  };
  const Case cases[] = {
      {"a", "a", true},
      {"a", "b", false},
      {"a", "{any: [b, a]}", true},
      {"{any: [a]}", "a", true},
      {"{any: [a, b]}", "a", false},
      {"{any: [a, b]}", "{any: [c, b, a]}", true},
      {"{any: [a, c]}", "{any: [a, b]}", false},
      {"a/b", "{glob: 'a/*'}", true},
      {"a/b/c", "{glob: 'a/*'}", false},
      {"{any: [a/b, a/c]}", "{glob: 'a/*'}", true},
      {"{glob: 'a/*'}", "{glob: '*/*'}", true},
      {"{glob: '*/*'}", "{glob: 'a/*'}", false},
      {"{glob: 'a/*/b'}", "{glob: 'a/*'}", false},
      {"{glob: 'a/b'}", "{glob: 'a/*'}", true},
      {"{glob: 'a*'}", "{glob: 'a*'}", true},
      {"{glob: 'v*'}", "{glob: '*'}", true},
      {"{glob: 'v*'}", "{regex: '.*'}", false},  // true, but not shown
      {"v1", "{regex: 'v[0-9]+'}", true},
      {"vx", "{regex: 'v[0-9]+'}", false},
      {"{regex: 'v[0-9]+'}", "{regex: 'v[0-9]+'}", true},
      {"{regex: 'v[0-9]'}", "{regex: 'v[0-9]+'}", false},  // true, but not shown
      {"{absent: true}", "{absent: true}", true},
      {"{absent: true}", "{glob: '*'}", false},
      {"a", "{absent: true}", false},
      {"{glob: '*'}", "{absent: true}", false},
      {"1", "{any: ['1', a]}", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.narrow);
    CAPTURE(c.wide);
    const ca::Condition narrow = Parse("c", c.narrow), wide = Parse("c", c.wide);
    CHECK_EQ(ca::Implies({&narrow}, wide), c.want);
    if (c.want) CHECK_FALSE(Contradicted(narrow, wide));
    const ca::Condition other = Parse("d", c.wide);
    CHECK_FALSE(ca::Implies({&narrow}, other));
    CHECK_FALSE(ca::Implies({}, wide));
    CHECK_EQ(ca::Implies({&other, &narrow}, wide), c.want);
    CHECK_EQ(ca::ImpliesAll({&narrow}, {&wide, &wide}), c.want);
    CHECK_FALSE(ca::ImpliesAll({&narrow}, {&wide, &other}));
    CHECK(ca::ImpliesAll({&narrow}, {}));
  }
}

TEST_CASE("a condition that anything meets") {
  const struct {
    const char* text;
    bool want;
  } cases[] = {
      {"{glob: '*'}", true},
      {"{glob: '*/*'}", true},
      {"{glob: '*/*/*'}", true},
      {"{glob: 'a*'}", false},
      {"{glob: '*/a'}", false},
      {"{regex: '.*'}", true},
      {"{regex: '.+'}", true},
      {"{regex: '[^/]+'}", true},
      {"{regex: '(?s).*'}", true},
      {"{regex: '[a-z]+'}", false},
      {"{regex: 'refs/.*'}", false},
      {"{regex: '.{1,5}'}", false},
      {"a", false},
      {"{any: [a, '*']}", false},
      {"{absent: true}", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK_EQ(ca::MatchesAnything(Parse("c", c.text)), c.want);
  }
}

ca::Policy PolicyOf(const std::string& deny, const std::string& first, const std::string& second) {
  auto policy = ca::Policy::Parse(
      "version: 1\nissuers:\n  x: {url: https://x.example}\n"
      "  y: {url: https://y.example}\ndeny:\n  - {id: no, " +
      deny + "}\nallow:\n  - {id: first, " + first + "}\n  - {id: second, " + second + "}\n");
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

TEST_CASE("an earlier rule leaves nothing for a later one") {
  struct Case {
    const char* name;
    const char* earlier;
    const char* later;
    bool want;
  };
  const Case cases[] = {
      {"the same", "issuer: x, when: {a: '1'}", "issuer: x, when: {a: '1'}", true},
      {"fewer conditions", "issuer: x, when: {a: '1'}", "issuer: x, when: {a: '1', b: '2'}", true},
      {"more conditions", "issuer: x, when: {a: '1', b: '2'}", "issuer: x, when: {a: '1'}", false},
      {"everything", "issuer: x, when: all", "issuer: x, when: {a: '1'}", true},
      {"another issuer", "issuer: y, when: all", "issuer: x, when: {a: '1'}", false},
      {"more issuers", "issuer: [x, y], when: all", "issuer: x, when: {a: '1'}", true},
      {"fewer issuers", "issuer: x, when: all", "issuer: [x, y], when: {a: '1'}", false},
      {"on trial", "issuer: x, mode: audit, when: all", "issuer: x, when: {a: '1'}", false},
      {"ends sooner", "issuer: x, expires: 2027-01-01, when: all", "issuer: x, when: {a: '1'}",
       false},
      {"ends later", "issuer: x, expires: 2027-01-02, when: all",
       "issuer: x, expires: 2027-01-01, when: {a: '1'}", true},
      {"fewer keys", "issuer: x, when: all, grant: {keys: [ed25519]}", "issuer: x, when: {a: '1'}",
       false},
      {"more keys", "issuer: x, when: all, grant: {keys: [ed25519, ecdsa-p256]}",
       "issuer: x, when: {a: '1'}, grant: {keys: [ed25519]}", true},
      {"conditions of the grant", "issuer: x, when: {a: '1'}, grant: {when: {b: '2'}}",
       "issuer: x, when: {a: '1'}", false},
      {"conditions of both grants", "issuer: x, when: {a: '1'}, grant: {when: {b: '2'}}",
       "issuer: x, when: {a: '1', b: '2'}", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const ca::Policy policy = PolicyOf("when: {z: '1'}", c.earlier, c.later);
    CHECK_EQ(ca::Shadows(policy.allow()[0], policy.allow()[1]), c.want);
  }
}

TEST_CASE("a deny rule covers all of an allow rule") {
  struct Case {
    const char* name;
    const char* deny;
    const char* allow;
    bool want;
  };
  const Case cases[] = {
      {"every issuer, the same", "when: {a: '1'}", "issuer: x, when: {a: '1', b: '2'}", true},
      {"its issuer", "issuer: x, when: {a: '1'}", "issuer: x, when: {a: '1'}", true},
      {"one of its issuers", "issuer: x, when: {a: '1'}", "issuer: [x, y], when: {a: '1'}", false},
      {"another claim", "when: {b: '1'}", "issuer: x, when: {a: '1'}", false},
      {"part of it", "when: {a: '1'}", "issuer: x, when: {a: {any: ['1', '2']}}", false},
      {"on trial", "mode: audit, when: {a: '1'}", "issuer: x, when: {a: '1'}", false},
      {"by the grant's conditions", "when: {b: '2'}",
       "issuer: x, when: {a: '1'}, grant: {when: {b: '2'}}", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const ca::Policy policy = PolicyOf(c.deny, c.allow, "issuer: y, when: {q: '1'}");
    const ca::Rule& allow = policy.allow()[0];
    CHECK_EQ(ca::Refuses(policy.deny()[0], allow.issuers, ca::AllOf(allow)), c.want);
  }
}

}  // namespace
