// Keys that several tokens hold: what the list may say, and what the JSON Schema says of it.
#include "schema/key_settings.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"
#include "tests/schema/settings.h"

namespace {

constexpr std::string_view kTwo = R"([
  {"name": "left", "uri": "pkcs11:token=l;object=ca", "sessions": 4, "weight": 3},
  {"name": "right", "uri": "pkcs11:token=r;object=ca"}])";

TEST_CASE("one URI is a list of one") {
  const auto config = Parse(With(Minimal(), "/ca/sessions", "5"));
  REQUIRE(config);
  REQUIRE_EQ(config->ca.keys.size(), 1);
  CHECK_EQ(config->ca.keys[0].name, schema::kOnlyToken);
  CHECK_EQ(config->ca.keys[0].setting, "ca.key");
  CHECK_EQ(config->ca.keys[0].sessions, 5);
  CHECK_EQ(config->ca.keys[0].weight, 1);
  REQUIRE_EQ(config->log.certificates.keys.size(), 1);
  CHECK_EQ(config->log.certificates.keys[0].setting, "log.certificates.key");
  CHECK_EQ(config->log.certificates.keys[0].sessions, 1);
  CHECK(config->log.events.keys.empty());
}

TEST_CASE("a list of tokens, whose sessions are ca.sessions where they do not say") {
  const auto config = Parse(With(With(Minimal(), "/ca/sessions", "7"), "/ca/key", kTwo));
  REQUIRE(config);
  CHECK_EQ(Described(config->ca.keys).dump(),
           R"([["left","pkcs11:token=l;object=ca","ca.key[0]",4,3],)"
           R"(["right","pkcs11:token=r;object=ca","ca.key[1]",7,1]])");
}

TEST_CASE("a log key in files and tokens") {
  const auto config = Parse(With(Minimal(), "/log/certificates/key",
                                 R"([{"name": "a", "uri": "file:log.key"},
                                     {"name": "b", "uri": "pkcs11:token=r;object=l"}])"));
  REQUIRE(config);
  CHECK_EQ(Described(config->log.certificates.keys).dump(),
           R"([["a","file:/etc/chancery/log.key","log.certificates.key[0]",1,1],)"
           R"(["b","pkcs11:token=r;object=l","log.certificates.key[1]",1,1]])");
}

TEST_CASE("what a list may not say") {
  struct Case {
    const char* pointer;
    const char* value;
    const char* message;
  };
  const Case kCases[] = {
      {"/ca/key", "[]", "ca.key: wanted 1 to 8 tokens"},
      {"/ca/key", R"({"name": "a"})", "ca.key: wanted a string"},
      {"/ca/key", R"(["pkcs11:token=t"])", "ca.key[0]: wanted a map with name and uri"},
      {"/ca/key/1/name", "", "ca.key[1]: 'name' is missing"},
      {"/ca/key/1/uri", "", "ca.key[1]: 'uri' is missing"},
      {"/ca/key/1/name", R"("left")", "ca.key[1].name: 'left' is the name of another token"},
      {"/ca/key/1/name", R"("Left")", "ca.key[1].name: wanted up to 32 characters"},
      {"/ca/key/1/name", R"("../x")", "ca.key[1].name: wanted up to 32 characters"},
      {"/ca/key/1/name", R"("-x")", "ca.key[1].name: wanted up to 32 characters"},
      {"/ca/key/1/name", R"("")", "ca.key[1].name: is empty"},
      {"/ca/key/1/uri", R"("file:ca.key")", "ca.key[1].uri: wanted a PKCS#11 URI"},
      {"/ca/key/1/sessions", "0", "ca.key[1].sessions: must be from 1 to 64"},
      {"/ca/key/1/sessions", "65", "ca.key[1].sessions: must be from 1 to 64"},
      {"/ca/key/1/weight", "0", "ca.key[1].weight: must be from 1 to 100"},
      {"/ca/key/1/weight", "101", "ca.key[1].weight: must be from 1 to 100"},
      {"/ca/key/1/wieght", "1", "ca.key[1].wieght: unknown key"},
      {"/log/certificates/key", R"([{"name": "a", "uri": "log.key"}])",
       "log.certificates.key[0].uri: wanted 'file:PATH' or 'pkcs11:…'"},
      {"/log/certificates/note-key", R"([{"name": "a", "uri": "file:x"}])",
       "log.certificates.note-key: wanted a string"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.pointer);
    CAPTURE(c.value);
    const auto config = Parse(With(With(Minimal(), "/ca/key", kTwo), c.pointer, c.value));
    REQUIRE_FALSE(config);
    CAPTURE(config.error().detail);
    CHECK_NE(config.error().detail.find(c.message), std::string::npos);
  }
  schema::Json nine = schema::Json::array();
  for (int i = 0; i < 9; ++i) {
    nine.push_back({{"name", "t" + std::to_string(i)}, {"uri", "pkcs11:token=t"}});
  }
  CHECK_FALSE(Parse(With(Minimal(), "/ca/key", nine.dump())));
  nine.erase(8);
  CHECK(Parse(With(Minimal(), "/ca/key", nine.dump())));
}

TEST_CASE("the JSON Schema knows the members of the list, and its bounds are the reader's") {
  const auto text = schema::ReadFile("schema/chancery.schema.json");
  REQUIRE(text);
  const auto whole = schema::ParseJson(*text, {1 << 16});
  REQUIRE(whole);
  const schema::Json& defs = (*whole)["$defs"];
  const schema::Json& list = (*whole)["properties"]["ca"]["properties"]["key"]["oneOf"][1];
  CHECK_EQ(list["maxItems"], 8);
  const schema::Json& item = list["items"];
  CHECK_EQ(item["additionalProperties"], false);
  CHECK_EQ(item["required"], schema::Json::array({"name", "uri"}));
  const schema::Json base = With(Minimal(), "/ca/key", kTwo);
  CHECK_EQ(item["properties"].size(), 4);
  for (const char* key : {"sessions", "weight"}) {
    CAPTURE(key);
    REQUIRE(item["properties"].contains(key));
    const schema::Json& bounds = defs["token-" + std::string(key)];
    const auto accepts = [&](std::int64_t number) {
      return Parse(With(base, std::string("/ca/key/1/") + key, std::to_string(number))).has_value();
    };
    const auto least = bounds["minimum"].get<std::int64_t>();
    const auto most = bounds["maximum"].get<std::int64_t>();
    CHECK(accepts(least));
    CHECK(accepts(most));
    CHECK_FALSE(accepts(least - 1));
    CHECK_FALSE(accepts(most + 1));
  }
}

}  // namespace
