// What `chancery log show` says of an entry, and that it notices what is wrong.
#include "ca/log/show.h"

#include <doctest/doctest.h>

#include "ca/log/sqlite.h"
#include "ca/log/stored_keys.h"
#include "tests/ca/log/house.h"

namespace {

using log_test::House;

TEST_CASE("an issued certificate is shown whole, and verifies") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 5; ++i) REQUIRE(house.Issue("t" + std::to_string(i)));
  REQUIRE(house.WaitPublished(5));
  REQUIRE(log_test::WaitFor([&] { return house.log().reader().EventsOf(3)->size() == 2; }));
  const auto& reader = house.log().reader();
  const auto keys = ca::StoredLogKeys(house.config);
  REQUIRE(keys);
  CHECK_EQ(keys->log_id, house.log().keys().log_id);
  CHECK_EQ(keys->since, house.log().keys().since);
  const auto shown = ca::ShowEntry(reader, *keys, 3);
  REQUIRE(shown);
  CHECK(shown->verified);
  const schema::Json& facts = shown->facts;
  CHECK_EQ(facts["leaf_index"], 3);
  CHECK_EQ(facts["tbs"]["san"]["value"], "https://ci.example/team/app/.build.yml@refs/heads/main");
  CHECK_EQ(facts["tbs"]["extensions"].size(), 2);
  CHECK_EQ(facts["sct"]["verified"], true);
  CHECK_EQ(facts["inclusion"]["verified"], true);
  CHECK_EQ(facts["inclusion"]["tree_head_verified"], true);
  CHECK_EQ(facts["events"].size(), 2);

  const std::string serial = facts["tbs"]["serial"];
  for (const std::string& name : {std::string("3"), serial, serial.substr(0, 20) + "*"}) {
    CAPTURE(name);
    const auto index = ca::FindIndex(reader, "2026", name);
    REQUIRE(index);
    CHECK_EQ(*index, 3);
  }
  for (const char* name : {"ff*", "", "12345678901234567890", "no"}) {
    CAPTURE(name);
    const auto index = ca::FindIndex(reader, "2026", name);
    if (index) CHECK_FALSE(ca::ShowEntry(reader, *keys, *index));
  }
  CHECK_FALSE(ca::FindIndex(reader, "2026", "*"));  // more than one
}

TEST_CASE("an entry without certificate or checkpoint says so") {
  House house;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable);
  REQUIRE(house.log().Enter(house.MakeGrant("t")));
  const auto shown = ca::ShowEntry(house.log().reader(), house.log().keys(), 0);
  REQUIRE(shown);
  CHECK(shown->verified);
  CHECK_EQ(shown->facts["certificate_stored"], false);
  CHECK_EQ(shown->facts["inclusion"]["covered"], false);
  CHECK_EQ(shown->facts["events"].size(), 1);
}

TEST_CASE("what was changed in the store does not verify") {
  struct Case {
    const char* name;
    const char* change;
    const char* part;
    const char* member;
  };
  const Case kCases[] = {
      {"a leaf hash", "UPDATE hash SET hash=zeroblob(32) WHERE id=(1<<43)+1", "inclusion",
       "verified"},
      {"the tree head", "UPDATE tree_head SET signature=x'3006020101020101' WHERE shard=1",
       "inclusion", "tree_head_verified"},
      {"another certificate's",
       "UPDATE certificate SET certificate=(SELECT certificate FROM certificate WHERE "
       "id=(1<<40)+2) WHERE id=(1<<40)+1",
       "sct", "verified"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    House house;
    REQUIRE(house.Open());
    for (int i = 0; i < 4; ++i) REQUIRE(house.Issue());
    const ca::LogKeys keys = house.log().keys();
    house.Close();
    {
      auto connection = ca::sqlite::Connection::Open(house.database(), {.write = true});
      REQUIRE((*connection)->Execute(c.change));
    }
    const auto reader = ca::Reader::Open(house.config.state, "2026", "2026");
    REQUIRE(reader);
    // A proof of entry 0 is its sibling's hash; of entry 1 its own leaf is hashed anew.
    const std::uint64_t index = std::string(c.part) == "inclusion" ? 0 : 1;
    const auto shown = ca::ShowEntry(**reader, keys, index);
    REQUIRE(shown);
    CHECK_FALSE(shown->verified);
    CHECK_EQ(shown->facts[c.part][c.member], false);
  }
}

}  // namespace
