// Once, within budget, and what is new: counted by the commit, whatever runs beside it or between.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "ca/log/seen.h"
#include "ca/log/sqlite.h"
#include "schema/base/json.h"
#include "schema/sql/migrations.h"
#include "tests/ca/log/house.h"

namespace {

using ca::Budget;
using ca::Receipt;
using log_test::HashOf;
using log_test::House;
using schema::Result;
using std::chrono::seconds;

Budget MakeBudget(const std::string& bucket, std::uint64_t limit, seconds window = seconds(3600)) {
  return {HashOf(bucket), limit, window, bucket + ": " + std::to_string(limit)};
}

Result<Receipt> EnterWith(House& house, std::vector<Budget> budgets, const std::string& token = "",
                          const std::string& key = "key") {
  ca::Grant grant = house.MakeGrant(token, key);
  grant.budgets = std::move(budgets);
  return house.log().Enter(std::move(grant));
}

// "#0" for a new entry, "=0" for a retry of one, else the error's id.
std::string Outcome(const Result<Receipt>& receipt) {
  if (!receipt) return std::string(receipt.error().kind->id);
  return (receipt->retry() ? "=" : "#") + std::to_string(receipt->index());
}

// Runs `act(number)` on as many threads, all let go at once.
template <class Act>
void InParallel(int count, const Act& act) {
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&go, &act, i] {
      go.wait(false);
      act(i);
    });
  }
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a token is good for as many keys as its rule says, and a retry for none") {
  struct Step {
    const char* key;
    std::size_t per_token;
    const char* want;
  };
  const Step kSteps[] = {
      {"a", 2, "#0"},
      {"a", 2, "=0"},
      {"b", 2, "#1"},
      {"a", 2, "=0"},
      {"b", 2, "=1"},
      {"c", 2, "token-spent"},
      {"b", 1, "=1"},           // a rule that became
                                // stricter takes nothing
                                // back
      {"c", 1, "token-spent"},  // …and gives nothing more
      {"c", 3, "#2"},           // one that became wider does
      {"d", 3, "token-spent"},
  };
  House house;
  REQUIRE(house.Open());
  for (const bool restart : {false, true}) {
    const std::string token = restart ? "t1" : "t0";
    for (const Step& step : kSteps) {
      CAPTURE(step.key);
      CAPTURE(step.per_token);
      CAPTURE(restart);
      ca::Grant grant = house.MakeGrant(token, step.key);
      grant.per_token = step.per_token;
      std::string want = step.want;
      if (restart && want[0] != 't') want = want[0] + std::to_string(want[1] - '0' + 3);
      CHECK_EQ(Outcome(house.log().Enter(std::move(grant))), want);
      if (restart) REQUIRE(house.Open());
    }
  }
  CHECK_EQ(house.log().State().certificates_size, 6);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("many keys at once: as many win as may, whatever batches they fall into") {
  for (const std::size_t per_token : {1U, 2U, 16U}) {
    CAPTURE(per_token);
    House house;
    REQUIRE(house.Open());
    std::atomic<std::size_t> won{0}, spent{0};
    InParallel(100, [&](int i) {
      ca::Grant grant = house.MakeGrant("t", "key " + std::to_string(i));
      grant.per_token = per_token;
      const auto receipt = house.log().Enter(std::move(grant));
      if (receipt) ++won;
      if (!receipt && receipt.error().Is(ca::kTokenSpent)) ++spent;
    });
    CHECK_EQ(won, per_token);
    CHECK_EQ(won + spent, 100);
    CHECK_EQ(house.log().State().certificates_size, per_token);
    CHECK_EQ(house.log().State().replays, spent);
  }
}

TEST_CASE("one key a hundred times at once: one entry") {
  House house;
  REQUIRE(house.Open());
  std::atomic<int> first{0}, retries{0};
  InParallel(100, [&](int) {
    const auto receipt = EnterWith(house, {MakeBudget("b", 1)}, "t");
    if (receipt) ++(receipt->retry() ? retries : first);
  });
  CHECK_EQ(first, 1);
  CHECK_EQ(retries, 99);
  CHECK_EQ(house.log().State().certificates_size, 1);
  CHECK_EQ(house.Ask("SELECT count(*) FROM charge"), 1);
}

TEST_CASE("a budget over a sliding window") {
  struct Step {
    int wait;  // seconds before
    const char* want;
  };
  struct Case {
    const char* name;
    std::uint64_t limit;
    int window;
    std::vector<Step> steps;
  };
  const Case kCases[] = {
      {"one", 1, 60, {{0, "#0"}, {59, "budget-exhausted"}, {1, "#1"}, {0, "budget-exhausted"}}},
      {"the oldest gives way, not all at once",
       2,
       60,
       {{0, "#0"},
        {40, "#1"},
        {0, "budget-exhausted"},
        {20, "#2"},
        {0, "budget-exhausted"},
        {39, "budget-exhausted"},
        {1, "#3"}}},
      {"a refusal is not counted",
       1,
       60,
       {{0, "#0"}, {30, "budget-exhausted"}, {30, "#1"}, {59, "budget-exhausted"}}},
      {"a clock that is set back gives nothing",
       2,
       60,
       {{0, "#0"}, {10, "#1"}, {-1, "budget-exhausted"}, {51, "#2"}, {0, "budget-exhausted"}}},
      {"after a long time", 2, 60, {{0, "#0"}, {0, "#1"}, {86400, "#2"}, {0, "#3"}}},
  };
  for (const Case& c : kCases) {
    for (const bool restart : {false, true}) {
      CAPTURE(c.name);
      CAPTURE(restart);
      House house;
      REQUIRE(house.Open());
      for (std::size_t i = 0; i < c.steps.size(); ++i) {
        CAPTURE(i);
        house.clock.Advance(seconds(c.steps[i].wait));
        const auto got = EnterWith(house, {MakeBudget("b", c.limit, seconds(c.window))});
        CHECK_EQ(Outcome(got), c.steps[i].want);
        if (!got && got.error().Is(ca::kBudgetExhausted)) {
          CHECK_EQ(got.error().detail, "b: " + std::to_string(c.limit));
        }
        if (restart) REQUIRE(house.Open());
      }
    }
  }
}

TEST_CASE("of several budgets the one that is empty refuses, and none is charged") {
  House house;
  REQUIRE(house.Open());
  const Budget wide = MakeBudget("wide", 3), narrow = MakeBudget("narrow", 1);
  CHECK_EQ(Outcome(EnterWith(house, {wide, narrow})), "#0");
  for (int i = 0; i < 5; ++i) {
    const auto refused = EnterWith(house, {wide, narrow});
    REQUIRE_FALSE(refused);
    CHECK_EQ(refused.error().detail, "narrow: 1");
  }
  CHECK_EQ(Outcome(EnterWith(house, {wide})), "#1");
  CHECK_EQ(Outcome(EnterWith(house, {wide})), "#2");
  CHECK_EQ(Outcome(EnterWith(house, {wide})), "budget-exhausted");
  // A bucket of its own is not touched by others.
  CHECK_EQ(Outcome(EnterWith(house, {MakeBudget("other", 1)})), "#3");
  CHECK_EQ(house.log().State().budget_refusals, 6);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("a retry is not counted again, and gets its certificate from an empty budget") {
  House house;
  REQUIRE(house.Open());
  const std::vector<Budget> budget = {MakeBudget("b", 1)};
  CHECK_EQ(Outcome(EnterWith(house, budget, "t")), "#0");
  CHECK_EQ(Outcome(EnterWith(house, budget, "t")), "=0");
  REQUIRE(house.Open());
  CHECK_EQ(Outcome(EnterWith(house, budget, "t")), "=0");
  CHECK_EQ(Outcome(EnterWith(house, budget, "u")), "budget-exhausted");
  CHECK_EQ(house.Ask("SELECT count(*) FROM charge"), 1);
  // The refusal burned no token.
  CHECK_EQ(Outcome(EnterWith(house, {}, "u")), "#1");
}

TEST_CASE("who takes the last one of a budget of several enters an event with it") {
  House house;
  REQUIRE(house.Open());
  const Budget pair = MakeBudget("pair", 2, seconds(60)), three = MakeBudget("three", 3);
  const Budget one = MakeBudget("one", 1);
  const auto reached = [&house] {
    std::vector<std::string> out;
    for (const schema::Json& event : house.Events()) {
      if (event["type"] != "budget-reached") continue;
      CHECK_EQ(event["issuer"], "https://token.example");
      out.push_back(event["budget"].get<std::string>() + " " + event["leaf_index"].dump());
    }
    return out;
  };
  CHECK_EQ(Outcome(EnterWith(house, {one}, "o")), "#0");  // each of these is the last one
  CHECK_EQ(Outcome(EnterWith(house, {pair, three}, "a")), "#1");
  CHECK(reached().empty());
  CHECK_EQ(Outcome(EnterWith(house, {pair, three}, "b")), "#2");
  CHECK_EQ(reached(), std::vector<std::string>{"pair: 2 2"});
  CHECK_EQ(Outcome(EnterWith(house, {pair, three}, "b")), "=2");
  CHECK_EQ(Outcome(EnterWith(house, {pair, three}, "c")), "budget-exhausted");
  REQUIRE(house.Open());
  house.clock.Advance(seconds(61));
  CHECK_EQ(Outcome(EnterWith(house, {pair, three}, "d")), "#3");
  const std::vector<std::string> second = {"pair: 2 2", "three: 3 3"};
  CHECK_EQ(reached(), second);
  CHECK_EQ(Outcome(EnterWith(house, {pair}, "e")), "#4");
  const std::vector<std::string> third = {"pair: 2 2", "three: 3 3", "pair: 2 4"};
  CHECK_EQ(reached(), third);
  CHECK_EQ(house.log().State().budgets_reached, 2);  // since it was opened
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("64 at once for the last one: one wins") {
  for (const std::uint64_t limit : {1U, 5U}) {
    House house;
    REQUIRE(house.Open());
    const Budget budget = MakeBudget("b", limit);
    for (std::uint64_t i = 1; i < limit; ++i) REQUIRE(EnterWith(house, {budget}));
    std::atomic<int> won{0}, refused{0};
    InParallel(64, [&](int i) {
      const auto receipt = EnterWith(house, {budget}, "t" + std::to_string(i));
      if (receipt) ++won;
      if (!receipt && receipt.error().Is(ca::kBudgetExhausted)) ++refused;
    });
    CHECK_EQ(won, 1);
    CHECK_EQ(refused, 63);
    CHECK_EQ(house.log().State().certificates_size, limit);
    CHECK_EQ(house.log().State().budgets_reached, limit > 1 ? 1 : 0);
  }
}

TEST_CASE("charges that count no more are forgotten") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 5; ++i) {
    REQUIRE(EnterWith(house, {MakeBudget("b" + std::to_string(i), 1, seconds(60))}));
  }
  house.clock.Advance(std::chrono::hours(1));
  // Without a budget there is nothing to do for them.
  REQUIRE(EnterWith(house, {}));
  CHECK_EQ(house.Ask("SELECT count(*) FROM charge"), 5);
  CHECK_EQ(Outcome(EnterWith(house, {MakeBudget("b0", 1, seconds(60))})), "#6");
  CHECK_EQ(house.Ask("SELECT count(*) FROM charge"), 1);
}

TEST_CASE("the store of the version before is opened, and its tokens stay spent") {
  log_test::TempDir dir;
  const auto path = dir.path() / "db";
  {
    auto connection = ca::sqlite::Connection::Open(path, {.write = true});
    REQUIRE(connection);
    REQUIRE((*connection)->Execute(std::string(schema::sql::Migrations()[0])));
    REQUIRE((*connection)->Execute("PRAGMA user_version=1"));
    auto insert = (*connection)->Prepare("INSERT INTO spent VALUES(?,?,?,?)");
    REQUIRE(insert);
    REQUIRE(insert->Start(HashOf("t"), HashOf("k"), std::uint64_t{7}, std::uint64_t{2000}).Run());
  }
  for (int round = 0; round < 2; ++round) {
    const auto store = ca::OpenStore(path);
    REQUIRE(store);
    const auto spent = (*store)->FindSpent(HashOf("t"));
    REQUIRE(spent);
    REQUIRE_EQ(spent->size(), 1);
    CHECK_EQ(spent->front().key_hash, HashOf("k"));
    CHECK_EQ(spent->front().entry, ca::RowId(ca::ShardIds().certificates, 7));
    CHECK_EQ(spent->front().expires, schema::Time(seconds(2000)));
  }
}

// The first-seen events so far, as "kind value leaf_index", in order.
std::vector<std::string> FirstSeen(House& house) {
  std::vector<std::string> found;
  auto connection = ca::sqlite::Connection::Open(house.database(), {});
  MUST(connection);
  auto read = (*connection)->Prepare("SELECT data FROM entry WHERE id>=? ORDER BY id");
  MUST(read);
  read->Start(ca::RowId(ca::ShardIds().events, 0));
  while (*read->Next()) {
    const auto event = schema::Json::parse(schema::AsText(read->Blob(0)));
    if (event["type"] != "first-seen") continue;
    found.push_back(event["kind"].get<std::string>() + " " + event["value"].get<std::string>() +
                    " " + event["leaf_index"].dump());
  }
  return found;
}

Result<Receipt> EnterSeen(House& house, std::vector<ca::Trait> traits,
                          const std::string& token = "") {
  ca::Grant grant = house.MakeGrant(token);
  grant.traits = std::move(traits);
  return house.log().Enter(std::move(grant));
}

TEST_CASE("what appears for the first time is an event, once") {
  using ca::TraitKind;
  House house;
  REQUIRE(house.Open());
  const ca::Trait one{TraitKind::kRepository, "1", "https://code.example/a"};
  const ca::Trait runner{TraitKind::kRunner, "1", ""};  // the same value, another kind
  REQUIRE(EnterSeen(house, {one}, "t"));
  CHECK_EQ(FirstSeen(house), std::vector<std::string>{"repository 1 0"});
  REQUIRE(EnterSeen(house, {one, runner}));
  REQUIRE(EnterSeen(house, {one, runner}));
  REQUIRE(EnterSeen(house, {{TraitKind::kKey, "2", ""}}, "t"));  // a retry certifies nothing new
  const std::vector<std::string> want = {"repository 1 0", "runner-environment 1 1"};
  CHECK_EQ(FirstSeen(house), want);
  CHECK_EQ(house.log().State().first_seen, std::array<std::uint64_t, 4>{1, 0, 1, 0});
  // Of another issuer it is another.
  ca::Grant elsewhere = house.MakeGrant();
  elsewhere.issuer = "https://other.example";
  elsewhere.traits = {one};
  REQUIRE(house.log().Enter(std::move(elsewhere)));
  CHECK_EQ(FirstSeen(house).size(), 3);
  REQUIRE(house.Open());
  REQUIRE(EnterSeen(house, {one, runner}));
  CHECK_EQ(FirstSeen(house).size(), 3);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("many at once see it first once") {
  House house;
  REQUIRE(house.Open());
  InParallel(32, [&](int) {
    CHECK(EnterSeen(house, {{ca::TraitKind::kWorkflow, "w", ""}, {ca::TraitKind::kKey, "k", ""}}));
  });
  CHECK_EQ(FirstSeen(house).size(), 2);
  CHECK_EQ(house.Ask("SELECT count(*) FROM seen"), 2);
}

TEST_CASE("of one issuer and kind the oldest go when there are too many") {
  log_test::TempDir dir;
  auto store = ca::OpenStore(dir.path() / "db");
  REQUIRE(store);
  REQUIRE((*store)->OpenShard(ca::LogName::kCertificates, {"s", "o", {}, {}, {}, {}}));
  REQUIRE((*store)->OpenShard(ca::LogName::kEvents, {"s", "o", {}, {}, {}, {}}));
  const auto tails = (*store)->ReadTails();
  REQUIRE(tails);
  ca::Batch batch;
  batch.before = batch.after = *tails;
  batch.seen = {{HashOf("a"), HashOf("s"), 1, 0, ca::TraitKind::kKey},
                {HashOf("b"), HashOf("s"), 2, 0, ca::TraitKind::kKey},
                {HashOf("c"), HashOf("other"), 1, 0, ca::TraitKind::kKey},
                {HashOf("d"), HashOf("s"), ca::kSeenMax + 1, 0, ca::TraitKind::kKey}};
  REQUIRE((*store)->Append(batch));
  CHECK_FALSE(*(*store)->IsSeen(HashOf("a")));
  for (const char* kept : {"b", "c", "d"}) CHECK(*(*store)->IsSeen(HashOf(kept)));
  CHECK_EQ(*(*store)->LastSeen(HashOf("s")), ca::kSeenMax + 1);
  CHECK_EQ(*(*store)->LastSeen(HashOf("nobody")), 0);
}

TEST_CASE("the memory in front is bounded and forgets only to ask again") {
  ca::SeenMemory memory;
  const std::vector<ca::Trait> traits = {{ca::TraitKind::kKey, "k", ""}};
  const auto before = memory.Prepare(traits, "i", "r");
  REQUIRE(before);
  REQUIRE_EQ(before->size(), 1);
  memory.Remember(before->front().id);
  CHECK(memory.Prepare(traits, "i", "r")->empty());
  CHECK_EQ(memory.Prepare(traits, "i2", "r")->size(), 1);
  for (std::size_t i = 0; i < ca::SeenMemory::kCapacity + 5; ++i) {
    memory.Remember(HashOf(std::to_string(i)));
    MUST(memory.size() <= ca::SeenMemory::kCapacity);
  }
  CHECK_EQ(memory.Prepare(traits, "i", "r")->size(), 1);
}

}  // namespace
