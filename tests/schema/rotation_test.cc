#include "schema/rotation.h"

#include <doctest/doctest.h>

#include "schema/base/document.h"
#include "tests/schema/settings.h"

namespace {

using schema::CaState;

constexpr const char* kTwo = R"(
version: 1
cas:
  - name: first
    state: replaced
    chain: chain.pem
    key: "pkcs11:token=t;object=ca"
    activated: 2026-01-01T00:00:00Z
    replaced: 2026-11-21T10:00:00Z
  - {name: "2027", state: active, chain: "a \"b\".pem", key: "pkcs11:token=t;object=x",
     prepared: 2026-11-20, activated: "2026-11-21T10:00:00Z", reason: "broken: # yes"}
next-shard: {name: "2027-log", key: "log: 2027.pub", prepared: 2026-11-22}
)";

TEST_CASE("a rotation says what it was written from") {
  const auto read = schema::ParseRotation(kTwo);
  REQUIRE_MESSAGE(read, (read ? "" : read.error().Describe()));
  CHECK_EQ(read->Active().name, "2027");
  CHECK_EQ(read->Active().chain, R"(a "b".pem)");
  CHECK_EQ(read->Active().reason, "broken: # yes");
  CHECK_EQ(schema::Rfc3339(*read->Active().prepared), "2026-11-20T00:00:00Z");
  CHECK_EQ(schema::CaStateName(read->Find("first")->state), "replaced");
  CHECK_EQ(read->Find("second"), nullptr);
  REQUIRE(read->next_shard);
  CHECK_EQ(read->next_shard->name, "2027-log");
  CHECK_EQ(read->next_shard->key, "log: 2027.pub");
  const std::string written = schema::FormatRotation(*read);
  const auto again = schema::ParseRotation(written);
  REQUIRE_MESSAGE(again, written);
  CHECK_EQ(schema::FormatRotation(*again), written);
  CHECK_EQ(again->Find("first")->replaced, read->Find("first")->replaced);
}

TEST_CASE("a rotation that cannot be is refused, and the place named") {
  struct Case {
    const char* from;
    const char* to;
    const char* named;
  };
  const Case cases[] = {
      {"version: 1", "version: 2", "version"},
      {"name: first", "name: \"2027\"", "second '2027'"},
      {"name: first", "name: First", "cas[0].name"},
      {"state: active", "state: prepared", "none of them is active"},
      {"state: replaced", "state: active", "second active"},
      {"state: replaced", "state: gone", "cas[0].state"},
      {"state: replaced", "state: retired", "retired"},
      {"    replaced: 2026-11-21T10:00:00Z\n", "", "replaced"},
      {"2026-01-01T00:00:00Z", "yesterday", "cas[0].activated"},
      {"\"pkcs11:token=t;object=ca\"", "file:key.pem", "cas[0].key"},
      {"chain: chain.pem", "chian: chain.pem", "chian"},
      {"2027-log", "a/b", "next-shard.name"},
      {", prepared: 2026-11-22", "", "prepared"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.to);
    std::string text = kTwo;
    const auto at = text.find(c.from);
    REQUIRE_NE(at, std::string::npos);
    text.replace(at, std::string_view(c.from).size(), c.to);
    const auto refused = schema::ParseRotation(text);
    REQUIRE_FALSE(refused);
    CHECK_NE(refused.error().detail.find(c.named), std::string::npos);
  }
}

TEST_CASE("the tokens of a CA are written as they were read") {
  const auto config =
      Parse(With(Minimal(), "/ca/key",
                 R"([{"name": "left", "uri": "pkcs11:token=l;object=ca", "sessions": 4},
                     {"name": "right", "uri": "pkcs11:token=r;object=ca", "weight": 3}])"));
  REQUIRE_MESSAGE(config, (config ? "" : config.error().Describe()));
  const std::string written = schema::FormatRotation(schema::RotationOf(*config));
  const auto read = schema::ParseRotation(written);
  REQUIRE_MESSAGE(read, written);
  CHECK_EQ(schema::FormatRotation(*read), written);
  schema::Config more = *config;
  more.ca.sessions = 9;
  const schema::Config own = schema::ConfigOf(more, read->Active());
  CHECK_EQ(Described(own.ca.keys).dump(),
           R"([["left","pkcs11:token=l;object=ca","ca.key[0]",4,1],)"
           R"(["right","pkcs11:token=r;object=ca","ca.key[1]",9,3]])");
}

TEST_CASE("without a file there is the CA of the configuration") {
  const auto config = Parse(Minimal());
  REQUIRE(config);
  const schema::Rotation one = schema::RotationOf(*config);
  REQUIRE_EQ(one.cas.size(), 1);
  CHECK_EQ(one.Active().name, schema::kFirstCa);
  const schema::Config own = schema::ConfigOf(*config, one.Active());
  CHECK_EQ(own.ca.chain, config->ca.chain);
  CHECK_EQ(Described(own.ca.keys).dump(), Described(config->ca.keys).dump());
  CHECK(schema::ParseRotation(schema::FormatRotation(one)));
}

}  // namespace
