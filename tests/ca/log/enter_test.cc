// Enter and Finish: one certificate for one token, the same for a retry, never a second entry.
#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <thread>

#include "ca/profile.h"
#include "schema/base/json.h"
#include "schema/log/leaf.h"
#include "tests/ca/log/house.h"

namespace {

using ca::Receipt;
using log_test::House;
using schema::Result;

bool SctVerifies(House& house, const Receipt& receipt) {
  const auto leaf = schema::EncodeLeaf(receipt.sct().timestamp, receipt.index(),
                                       house.chain.key_hash, receipt.tbs());
  const auto key = support::KeyFromSpki(house.custody.facts().log.view());
  return receipt.sct().index == receipt.index() &&
         receipt.sct().log_id == house.log().keys().log_id &&
         support::VerifyWith(key.get(), leaf.view(), receipt.sct().signature.view());
}

TEST_CASE("an entry is durable and its SCT verifies") {
  House house;
  REQUIRE(house.Open());
  auto grant = house.MakeGrant("t0");
  const schema::Bytes tbs = schema::ToBytes(grant.tbs.tbs());
  const Result<Receipt> receipt = house.log().Enter(std::move(grant));
  REQUIRE(receipt);
  CHECK_EQ(receipt->index(), 0);
  CHECK_FALSE(receipt->retry());
  CHECK(schema::Equal(receipt->tbs(), tbs));
  CHECK(SctVerifies(house, *receipt));
  CHECK_EQ(receipt->sct().timestamp, house.clock.Now());
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE id >> 40 = 1"), 1);
  house.Finish(*receipt);
  REQUIRE(house.WaitPublished(1));
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("nothing is signed before it is durable") {
  House house;
  std::atomic<int> early{0}, seen{0};
  house.custody.Watch([&](hsm::Purpose purpose, schema::BytesView bytes) {
    if (purpose != hsm::Purpose::kSct) return;
    ++seen;
    const auto leaf = schema::ParseLeaf(bytes);
    const auto id = ca::RowId(ca::ShardIds().certificates, leaf ? leaf->index : 0);
    if (house.Ask("SELECT count(*) FROM entry WHERE id=" + std::to_string(id)) != 1) ++early;
  });
  REQUIRE(house.Open());
  for (int i = 0; i < 20; ++i) REQUIRE(house.Issue("t" + std::to_string(i)));
  CHECK_EQ(seen, 20);
  CHECK_EQ(early, 0);
}

TEST_CASE("the same token and key get the same entry, before and after its certificate") {
  House house;
  REQUIRE(house.Open());
  const auto first = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(first);
  auto again = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(again);
  CHECK(again->retry());
  CHECK_EQ(again->index(), first->index());
  CHECK(schema::Equal(again->tbs(), first->tbs()));
  CHECK_EQ(again->sct().signature, first->sct().signature);
  CHECK_FALSE(again->certificate());
  CHECK(SctVerifies(house, *again));

  const auto certificate = house.Finish(*first);
  again = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(again);
  REQUIRE(again->certificate());
  CHECK_EQ(*again->certificate(), certificate);
  REQUIRE(log_test::WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE precertificate NOT NULL") == 1;
  }));

  // From the store, and after a restart.
  for (int round = 0; round < 2; ++round) {
    again = house.log().Enter(house.MakeGrant("t", "k"));
    REQUIRE(again);
    CHECK_EQ(again->index(), first->index());
    REQUIRE(again->certificate());
    CHECK_EQ(*again->certificate(), certificate);
    CHECK(SctVerifies(house, *again));
    REQUIRE(house.Open());
  }
  CHECK_EQ(house.log().State().certificates_size, 1);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("an entry left unfinished by a crash is finished by a retry") {
  House house;
  REQUIRE(house.Open());
  const auto first = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(first);
  REQUIRE(house.Open());
  const auto again = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(again);
  CHECK(again->retry());
  CHECK_FALSE(again->certificate());
  CHECK(schema::Equal(again->tbs(), first->tbs()));
  CHECK_EQ(again->sct().timestamp, first->sct().timestamp);
  const auto certificate = house.Finish(*again);
  REQUIRE(log_test::WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == 1;
  }));
  CHECK_EQ(*house.log().Enter(house.MakeGrant("t", "k"))->certificate(), certificate);
}

TEST_CASE("another key, or NotAfter, makes it a replay") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue("t"));
  const auto other = house.log().Enter(house.MakeGrant("t", "other"));
  REQUIRE_FALSE(other);
  CHECK(other.error().Is(ca::kTokenSpent));
  house.clock.Advance(std::chrono::minutes(9));
  CHECK(house.log().Enter(house.MakeGrant("t")));
  house.clock.Advance(std::chrono::minutes(1));
  const auto late = house.log().Enter(house.MakeGrant("t"));
  REQUIRE_FALSE(late);
  CHECK(late.error().Is(ca::kTokenSpent));
  CHECK_EQ(house.log().State().certificates_size, 1);
}

TEST_CASE("a token without id is never a retry") {
  House house;
  REQUIRE(house.Open());
  for (std::uint64_t i = 0; i < 3; ++i) CHECK_EQ(*house.Issue(""), i);
}

TEST_CASE("a hundred keys for one token: one wins") {
  House house;
  REQUIRE(house.Open());
  std::vector<ca::Grant> grants;
  for (int i = 0; i < 100; ++i) grants.push_back(house.MakeGrant("t", "k" + std::to_string(i)));
  std::atomic<int> won{0}, spent{0};
  std::vector<std::thread> threads;
  for (ca::Grant& grant : grants) {
    threads.emplace_back([&] {
      const auto receipt = house.log().Enter(std::move(grant));
      if (receipt)
        ++won;
      else if (receipt.error().Is(ca::kTokenSpent))
        ++spent;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(won, 1);
  CHECK_EQ(spent, 99);
  CHECK_EQ(house.Ask("SELECT count(*) FROM issuance"), 1);
}

TEST_CASE("retries together get one index, and one certificate") {
  House house;
  REQUIRE(house.Open());
  std::vector<ca::Grant> grants;
  for (int i = 0; i < 50; ++i) grants.push_back(house.MakeGrant("t", "k"));
  std::vector<std::thread> threads;
  std::vector<schema::CertDer> kept(grants.size());
  std::atomic<int> fresh{0};
  for (std::size_t i = 0; i < grants.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto receipt = house.log().Enter(std::move(grants[i]));
      if (!receipt || receipt->index() != 0) return;
      if (!receipt->retry()) ++fresh;
      kept[i] = receipt->certificate() ? *receipt->certificate() : house.Finish(*receipt);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(fresh, 1);
  CHECK_FALSE(kept[0].empty());
  for (const auto& certificate : kept) CHECK_EQ(certificate, kept[0]);
}

TEST_CASE("late certificates: the first is kept, whoever asks") {
  House house;
  REQUIRE(house.Open());
  const auto receipt = house.log().Enter(house.MakeGrant("t"));
  REQUIRE(receipt);
  // After the grace the precertificate is stored and the entry has left memory.
  REQUIRE(house.WaitPublished(1));
  std::vector<std::thread> threads;
  std::vector<schema::CertDer> kept(16);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    threads.emplace_back([&, i] { kept[i] = house.Finish(*receipt); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& certificate : kept) CHECK_EQ(certificate, kept[0]);
  REQUIRE(log_test::WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == 1;
  }));
  CHECK_EQ(house.Finish(*receipt), kept[0]);
  CHECK_EQ(*house.log().reader().Entry(0)->certificate, kept[0]);
}

TEST_CASE("spent tokens are forgotten after their time, not before") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 10; ++i) REQUIRE(house.Issue("t" + std::to_string(i)));
  house.clock.Advance(std::chrono::minutes(15));
  REQUIRE(house.Issue("later"));
  CHECK_EQ(house.Ask("SELECT count(*) FROM spent"), 11);
  house.clock.Advance(std::chrono::minutes(6));
  REQUIRE(house.Issue("much later"));
  CHECK_EQ(house.Ask("SELECT count(*) FROM spent"), 2);
}

TEST_CASE("a clock that steps back stops new entries until it has caught up") {
  House house;
  REQUIRE(house.Open());
  const auto before = house.log().Enter(house.MakeGrant());
  REQUIRE(before);
  house.clock.Advance(-std::chrono::milliseconds(900));
  const auto slack = house.log().Enter(house.MakeGrant());
  REQUIRE(slack);
  CHECK_EQ(slack->sct().timestamp, before->sct().timestamp);
  house.clock.Advance(-std::chrono::milliseconds(200));
  const auto back = house.log().Enter(house.MakeGrant());
  REQUIRE_FALSE(back);
  CHECK(back.error().Is(ca::kLogUnavailable));
  CHECK_FALSE(house.log().State().ready);
  CHECK_NE(house.log().State().reason.find("clock"), std::string::npos);
  CHECK(house.log().Note({{"type", "denied"}}));
  house.clock.Advance(std::chrono::milliseconds(200));
  CHECK(house.log().Enter(house.MakeGrant()));
  CHECK(house.log().State().ready);
}

TEST_CASE("events of one certificate") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.log().Note({{"type", "started"}}));
  REQUIRE(house.Issue("t"));
  REQUIRE(log_test::WaitFor([&] {
    const auto events = house.log().reader().EventsOf(0);
    return events && events->size() == 2;
  }));
  const auto events = house.log().reader().EventsOf(0);
  const auto granted = schema::Json::parse((*events)[0]);
  CHECK_EQ(granted["type"], "granted");
  CHECK_EQ(granted["leaf_index"], 0);
  CHECK_EQ(granted["time"], schema::Rfc3339(house.clock.Now()));
  const auto issued = schema::Json::parse((*events)[1]);
  CHECK_EQ(issued["type"], "issued");
  CHECK_EQ(issued["leaf_index"], 0);
  CHECK_EQ(issued["request_id"], "r");
}

TEST_CASE("a serial that repeats is refused and harms nobody") {
  House house;
  REQUIRE(house.Open());
  auto twin = house.MakeGrant();
  auto linted = ca::Lint(schema::TbsDer(schema::ToBytes(twin.tbs.tbs())), house.chain);
  REQUIRE(linted);
  ca::Grant copy = house.MakeGrant();
  copy.tbs = *std::move(linted);
  REQUIRE(house.log().Enter(std::move(twin)));
  const auto refused = house.log().Enter(std::move(copy));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kLogUnavailable));
  REQUIRE(log_test::WaitFor([&] { return house.log().State().ready; }));
  CHECK(house.Issue());
  CHECK_EQ(house.log().State().certificates_size, 2);
}

}  // namespace
