// Checkpoints: what they cover, when they are made, and what stops them.
#include <doctest/doctest.h>

#include <atomic>

#include "ca/profile.h"
#include "schema/base/json.h"
#include "schema/log/checkpoint.h"
#include "schema/log/leaf.h"
#include "tests/ca/log/house.h"

namespace {

using ca::LogName;
using log_test::House;
using log_test::WaitFor;

std::uint64_t PublishedSize(House& house) {
  return house.log().reader().LatestTreeHead(LogName::kCertificates)->head.size;
}

TEST_CASE("an empty log has a checkpoint at once") {
  House house;
  REQUIRE(house.Open());
  const auto head = house.log().reader().LatestTreeHead(LogName::kCertificates);
  REQUIRE(head);
  CHECK_EQ(head->head.size, 0);
  CHECK_EQ(head->head.root, schema::merkle::EmptyRoot());
  REQUIRE(house.log().reader().LatestTreeHead(LogName::kEvents));
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("a checkpoint covers only entries whose precertificate is stored") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue("a"));
  REQUIRE(house.WaitPublished(1));
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable);
  REQUIRE(house.Issue("b"));
  REQUIRE(house.Issue("c"));
  // The certificate is stored all the same, and events are published.
  REQUIRE(WaitFor([&] {
    const auto entry = house.log().reader().Entry(2);
    return entry && entry->certificate;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK_EQ(PublishedSize(house), 1);
  CHECK_EQ(house.log().State().precertificates_waiting, 2);
  CHECK(house.log().reader().Entry(1)->precertificate.empty());
  CHECK_EQ(log_test::Inspect(house), "");

  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable, 0);
  REQUIRE(house.WaitPublished(3));
  CHECK_EQ(house.log().State().precertificates_waiting, 0);
  CHECK_EQ(log_test::Inspect(house), "");
  // One certificate, one precertificate, one `issued` event each.
  CHECK_EQ(house.custody.Count(hsm::Purpose::kPrecertificate), 3);
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE id >> 40 = 2 AND CAST(data AS TEXT) LIKE "
                     "'%\"issued\"%'"),
           3);
}

TEST_CASE("an entry whose certificate never comes is published all the same") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.log().Enter(house.MakeGrant("a")));
  REQUIRE(house.Issue("b"));
  REQUIRE(house.WaitPublished(2));
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("missing precertificates are made up before the first checkpoint of a run") {
  House house;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable);
  for (int i = 0; i < 40; ++i) REQUIRE(house.Issue("t" + std::to_string(i)));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK_EQ(PublishedSize(house), 0);
  house.Close();
  // The signers are still away: a start that cannot publish says so.
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(hsm::kSignerUnavailable));
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable, 0);
  REQUIRE(house.Open());
  CHECK_EQ(PublishedSize(house), 40);
  CHECK_EQ(house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL AND "
                     "precertificate NOT NULL"),
           40);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("tree head timestamps rise, and are not before any entry covered") {
  House house;
  REQUIRE(house.Open());
  schema::TimeMs before =
      house.log().reader().LatestTreeHead(LogName::kCertificates)->head.timestamp;
  for (std::uint64_t i = 0; i < 5; ++i) {
    // The clock stands still.
    REQUIRE(house.Issue());
    REQUIRE(house.WaitPublished(i + 1));
    const auto head = house.log().reader().LatestTreeHead(LogName::kCertificates)->head;
    CHECK_GT(head.timestamp, before);
    const auto leaf = schema::ParseLeaf(house.log().reader().Entry(i)->leaf);
    CHECK_GE(head.timestamp, leaf->timestamp);
    before = head.timestamp;
  }
  house.clock.Advance(-std::chrono::milliseconds(800));
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(6));
  CHECK_GT(house.log().reader().LatestTreeHead(LogName::kCertificates)->head.timestamp, before);
}

TEST_CASE("nothing new, no new checkpoint") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));
  REQUIRE(WaitFor([&] {
    return house.log().reader().LatestTreeHead(LogName::kEvents)->head.size ==
           house.log().State().events_size;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const auto heads = house.Ask("SELECT count(*) FROM tree_head");
  const auto signatures = house.custody.Count(hsm::Purpose::kTreeHead);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK_EQ(house.Ask("SELECT count(*) FROM tree_head"), heads);
  CHECK_EQ(house.custody.Count(hsm::Purpose::kTreeHead), signatures);
}

TEST_CASE("too many precertificates waiting, or one for too long, and no more is entered") {
  House house;
  house.config.log.precertificate_backlog = 5;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable);
  int entered = 0;
  while (entered < 50) {
    const auto issued = house.Issue();
    if (!issued) {
      CHECK(issued.error().Is(ca::kLogBehind));
      break;
    }
    ++entered;
  }
  CHECK_EQ(entered, 6);
  CHECK_FALSE(house.log().State().ready);
  CHECK_NE(house.log().State().reason.find("precertificates wait"), std::string::npos);
  CHECK(house.log().Note({{"type", "denied"}}));
  house.custody.Fail(hsm::Purpose::kPrecertificate, hsm::kSignerUnavailable, 0);
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK(house.Issue());
}

TEST_CASE("trouble with the keys is journalled once, and its end too") {
  House house;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kTreeHead, hsm::kSignerUnavailable);
  REQUIRE(house.Issue());
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  house.custody.Fail(hsm::Purpose::kTreeHead, hsm::kSignerUnavailable, 0);
  REQUIRE(house.WaitPublished(1));
  REQUIRE(WaitFor([&] {
    const auto lines = house.journal.lines();
    return !lines.empty() && lines.back().starts_with("log-publishing-again");
  }));
  const auto lines = house.journal.lines();
  const auto count = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("log-not-publishing");
  });
  CHECK_EQ(count, 1);
}

TEST_CASE("closing stores what was issued and publishes once more") {
  House house;
  house.config.log.checkpoint = std::chrono::seconds(60);
  REQUIRE(house.Open());
  for (int i = 0; i < 30; ++i) REQUIRE(house.Issue());
  house.Close();
  CHECK_EQ(house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL AND "
                     "precertificate NOT NULL"),
           30);
  CHECK_EQ(house.Ask("SELECT max(size) FROM tree_head WHERE shard=1"), 30);
}

TEST_CASE("entries that ended without a certificate are declared unfinished, once") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue("done"));
  REQUIRE(house.log().Enter(house.MakeGrant("lost")));
  REQUIRE(house.Issue("done too"));
  REQUIRE(WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == 2;
  }));
  const auto unfinished = [&] {
    return house.Ask(
        "SELECT count(*) FROM entry WHERE id >> 40 = 2 AND CAST(data AS TEXT) LIKE "
        "'%\"unfinished\"%'");
  };
  house.clock.Advance(std::chrono::minutes(9));
  REQUIRE(house.Open());
  CHECK_EQ(unfinished(), 0);
  house.clock.Advance(std::chrono::minutes(2));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(house.Open());
    CHECK_EQ(unfinished(), 1);
  }
  CHECK_EQ(house.Ask("SELECT settled FROM tail WHERE shard=1"), 3);
  const auto events = house.log().reader().EventsOf(1);
  REQUIRE(events);
  REQUIRE_EQ(events->size(), 2);
  const auto event = schema::Json::parse(events->back());
  CHECK_EQ(event["type"], "unfinished");
  CHECK_EQ(event["leaf_index"], 1);
  CHECK_EQ(event["serial"], schema::Json::parse(events->front()).is_object()
                                ? house.log().reader().Find({})->at(1).serial
                                : "");
}

TEST_CASE("refusals are counted, and entered as one summary") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 500; ++i) house.log().Tally("token-expired", "https://a");
  house.log().Tally("policy-denied", "https://a");
  CHECK_EQ(house.log().State().events_size, 0);
  house.clock.Advance(std::chrono::seconds(61));
  REQUIRE(WaitFor([&] { return house.log().State().events_size == 2; }));
  for (int i = 0; i < 3; ++i) house.log().Tally("token-expired", "https://a");
  house.Close();
  REQUIRE(house.Open());
  CHECK_EQ(house.log().State().events_size, 3);
  const auto events = house.log().reader().Events(0, 2);
  REQUIRE(events);
  const auto last = schema::Json::parse(events->back());
  CHECK_EQ(last["type"], "refused");
  CHECK_EQ(last["count"], 3);
}

}  // namespace
