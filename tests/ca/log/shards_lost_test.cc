// A crash between two shards, and a state that is older than the shard it is to leave.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "ca/log/batch.h"
#include "ca/log/past.h"
#include "ca/log/sqlite.h"
#include "tests/ca/log/shards.h"

namespace {

namespace fs = std::filesystem;
using ca::LogName;
using log_test::Detail;
using log_test::House;
using log_test::MoveOn;
using log_test::ReaderOf;

void Fill(House& house, std::uint64_t count) {
  REQUIRE(house.Open());
  for (std::uint64_t i = 0; i < count; ++i) REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(house.log().State().certificates_size));
}

std::string Openings(House& house) {
  std::string found;
  for (const auto& event : house.Events()) {
    if (event["type"] != "log-shard-opened") continue;
    found += event["log"].get<std::string>() + " " + event["shard"].get<std::string>() +
             " behind " + event["before"]["shard"].get<std::string>() + " of " +
             event["before"]["size"].dump() + "; ";
  }
  return found;
}

TEST_CASE("a crash between closing a shard and the first event of the next loses neither") {
  House house;
  Fill(house, 2);
  MoveOn(house, "2027");
  const std::string events =
      std::to_string(house.Ask("SELECT size FROM tail JOIN shard ON id=shard WHERE log='events'"));
  // It died behind the first of the two openings, or before it told of them.
  bool both = false;
  SUBCASE("one is open") {}
  SUBCASE("both are open") { both = true; }
  {
    auto store = ca::OpenStore(house.database());
    REQUIRE(store);
    const hsm::KeyFacts& facts = house.custody.facts();
    const auto& log = house.config.log;
    const schema::Bytes key_hash(house.chain.key_hash.begin(), house.chain.key_hash.end());
    REQUIRE((*store)->OpenShard(LogName::kCertificates,
                                {log.certificates.shard, log.certificates.origin, facts.log.bytes(),
                                 facts.certificates_note, key_hash, house.clock.Now()}));
    if (both) {
      REQUIRE((*store)->OpenShard(
          LogName::kEvents,
          {log.events.shard, log.events.origin, {}, facts.events_note, {}, house.clock.Now()}));
    }
  }
  const auto opened = house.Open();
  REQUIRE_MESSAGE(opened, Detail(opened));
  CHECK_EQ(Openings(house),
           "events 2027 behind 2026 of " + events + "; certificates 2027 behind 2026 of 2; ");
  CHECK_EQ(*house.Issue(), 0);
  REQUIRE(house.WaitPublished(1));
  CHECK_EQ(ReaderOf(house, LogName::kCertificates, "2026")
               .LatestTreeHead(LogName::kCertificates)
               ->head.size,
           2);
  // Told once there is something behind it.
  REQUIRE(house.Open());
  CHECK_EQ(std::ranges::count(Openings(house), ';'), 2);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("what was published last may be of the shard before") {
  House house;
  Fill(house, 2);
  house.Close();
  const fs::path mark = house.config.state / "published";
  const fs::path before = house.directory.path() / "published-before";
  fs::copy_file(mark, before);
  MoveOn(house, "2027");
  Fill(house, 1);
  house.Close();
  fs::copy_file(before, mark, fs::copy_options::overwrite_existing);
  const auto opened = house.Open();
  CHECK_MESSAGE(opened, Detail(opened));
}

TEST_CASE("an older state opens no shard behind what it has lost") {
  House house;
  const fs::path shipped = house.directory.path() / "shipped";
  house.watchers.ship = {{schema::ShipSettings::To::kFile, shipped.string(), {}}};
  Fill(house, 1);
  house.Close();
  const fs::path backup = house.directory.path() / "backup";
  fs::copy(house.config.state, backup, fs::copy_options::recursive);
  Fill(house, 1);
  house.Close();
  const schema::ErrorKind* noticed = nullptr;
  SUBCASE("the database is older than the mark beside it") {
    house.watchers.ship.clear();
    fs::copy_file(backup / "chancery.db", house.database(), fs::copy_options::overwrite_existing);
    noticed = &ca::kInconsistent;
  }
  SUBCASE("the directory is older than what was shipped") {
    fs::remove_all(house.config.state);
    fs::copy(backup, house.config.state, fs::copy_options::recursive);
    noticed = &ca::kRolledBack;
  }
  SUBCASE("the directory is older than the shard it is to open") {
    MoveOn(house, "2027");
    Fill(house, 1);
    house.Close();
    fs::remove_all(house.config.state);
    fs::copy(backup, house.config.state, fs::copy_options::recursive);
    noticed = &ca::kRolledBack;
  }
  if (house.config.log.certificates.shard != "2027") MoveOn(house, "2027");
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK_MESSAGE(refused.error().Is(*noticed), Detail(refused));
  CHECK_EQ(house.Ask("SELECT count(*) FROM shard"), 2);
}

// A store as it was before there were shards: events by their index, entries by theirs.
TEST_CASE("the state of a version without shards goes on, and opens one") {
  House house;
  Fill(house, 3);
  const auto spent = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(spent);
  const schema::CertDer certificate = house.Finish(*spent);
  REQUIRE(house.WaitPublished(4));
  house.Close();
  {
    auto connection = ca::sqlite::Connection::Open(house.database(), {.write = true});
    REQUIRE(connection);
    REQUIRE((*connection)
                ->Execute("CREATE TABLE texts AS SELECT id, leaf, serial,"
                          "(SELECT value FROM name WHERE id = san) AS san,"
                          "(SELECT value FROM name WHERE id = issuer) AS issuer,"
                          "(SELECT value FROM name WHERE id = subject) AS subject,"
                          "request_id, not_before, not_after, logged, granted FROM issuance;"
                          "DROP VIEW lookups; DROP TABLE lookup_middle; DROP TABLE named_middle;"
                          "DROP TABLE named; DROP TABLE issuance; DROP TABLE name;"
                          "CREATE VIEW lookups AS SELECT key, id FROM lookup UNION ALL "
                          "SELECT key, id FROM lookup_new;"
                          "ALTER TABLE texts RENAME TO issuance;"
                          "UPDATE spent SET entry = entry & ((1 << 40) - 1);"
                          "UPDATE issuance SET granted = granted & ((1 << 40) - 1);"
                          "UPDATE certificate SET issued = issued & ((1 << 40) - 1);"
                          "PRAGMA user_version=7"));
  }
  REQUIRE(house.Open());
  for (int round = 0; round < 2; ++round) {
    const auto again = house.log().Enter(house.MakeGrant("t", "k"));
    REQUIRE(again);
    CHECK_EQ(again->certificate(), certificate);
    CHECK_FALSE(house.log().Enter(house.MakeGrant("t", "other")));
    for (std::uint64_t i = 0; i < 4; ++i) {
      const auto told = ReaderOf(house, LogName::kCertificates, "2026").EventsOf(i);
      REQUIRE(told);
      REQUIRE_EQ(told->size(), 2);
      CHECK_NE(told->front().find("\"leaf_index\":" + std::to_string(i)), std::string::npos);
    }
    if (round == 0) {
      MoveOn(house, "2027");
      const auto opened = house.Open();
      REQUIRE_MESSAGE(opened, Detail(opened));
    }
  }
  CHECK_EQ(*house.Issue(), 0);
}

}  // namespace
