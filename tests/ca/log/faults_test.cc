// Every step of a commit fails once: no wrong answer, no lost entry, recovery without a restart
// where the cause goes away.
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "ca/log/sqlite.h"
#include "ca/log/store.h"
#include "ca/profile.h"
#include "tests/ca/log/house.h"
#include "tests/support/fault_vfs.h"

namespace {

using ca::Store;
using log_test::House;
using log_test::WaitFor;
using schema::Error;
using schema::Outcome;
using schema::Result;
using support::FaultAt;

Result<std::unique_ptr<Store>> OpenFaulty(const std::filesystem::path& path) {
  support::RegisterFaultVfs();
  return ca::OpenStore(path, support::kFaultVfs);
}

// Issues with a token of its own, again and again with the same key, until it works.
std::uint64_t IssueAtLast(House& house, const std::string& token) {
  std::uint64_t index = 0;
  REQUIRE(WaitFor([&] {
    const auto issued = house.Issue(token);
    if (issued) index = *issued;
    return static_cast<bool>(issued);
  }));
  return index;
}

TEST_CASE("a write fails at each place of a commit") {
  House house;
  REQUIRE(house.OpenWith(OpenFaulty));
  int failures = 0;
  for (const int nth : {1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 40}) {
    CAPTURE(nth);
    const std::string token = "t" + std::to_string(nth);
    support::PlanFault(FaultAt::kWrite, nth, nth % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE,
                       false);
    const auto issued = house.Issue(token);
    if (!issued) {
      ++failures;
      const bool told = issued.error().Is(ca::kLogUnavailable);
      CHECK(told);
    }
    IssueAtLast(house, token);
    support::EndFaults();
    REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  }
  CHECK_GT(failures, 0);
  // One entry for each token, whatever happened on the way.
  CHECK_EQ(house.log().State().certificates_size, 13);
  REQUIRE(house.WaitPublished(13));
  CHECK_EQ(log_test::Inspect(house), "");
  REQUIRE(house.Open());
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("the disk is full for a while") {
  House house;
  REQUIRE(house.OpenWith(OpenFaulty));
  REQUIRE(house.Issue("before"));
  support::PlanFault(FaultAt::kWrite, 1, SQLITE_FULL, true);
  const auto refused = house.Issue("during");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kLogUnavailable));
  CHECK_FALSE(house.log().State().ready);
  CHECK_NE(house.log().State().reason.find("full"), std::string::npos);
  const auto again = house.Issue("during");
  REQUIRE_FALSE(again);
  CHECK(again.error().Is(ca::kLogUnavailable));
  CHECK(house.log().reader().Entry(0));
  // Not for a moment: what only reads, or changes nothing, does not show that a disk has room.
  const auto end = schema::Steady::now() + std::chrono::milliseconds(1200);
  int ready = 0;
  while (schema::Steady::now() < end) {
    ready += house.log().State().ready ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  CHECK_EQ(ready, 0);
  support::EndFaults();
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(*house.Issue("during"), 1);
  REQUIRE(house.WaitPublished(2));
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("a failed fsync halts until a restart has checked the tail") {
  House house;
  REQUIRE(house.OpenWith(OpenFaulty));
  REQUIRE(house.Issue("before"));
  REQUIRE(house.WaitPublished(1));
  support::PlanFault(FaultAt::kSync, 1, SQLITE_IOERR_FSYNC, false);
  const auto refused = house.Issue("during");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kLogHalted));
  support::EndFaults();
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  CHECK_FALSE(house.log().State().ready);
  CHECK(house.Issue("after").error().Is(ca::kLogHalted));
  CHECK(house.log().Note({{"type", "x"}}).error().Is(ca::kLogHalted));
  REQUIRE(house.Open());
  CHECK(house.log().State().ready);
  IssueAtLast(house, "during");
  CHECK_LE(house.log().State().certificates_size, 2);
  REQUIRE(house.WaitPublished(house.log().State().certificates_size));
  CHECK_EQ(log_test::Inspect(house), "");
}

bool IsPolicy(const ca::EntryRow& entry) {
  return schema::AsText(entry.data).find("policy-loaded") != std::string_view::npos;
}

// Passes everything on, but fails Append before or after the real one.
class Tricky final : public Store {
 public:
  enum class Trick { kNone, kBefore, kAfter, kReads };
  struct Plan {
    std::atomic<Trick> trick{Trick::kNone};
    std::atomic<const schema::ErrorKind*> kind{&ca::sqlite::kUnavailable};
    std::atomic<int> opens{0};
    std::atomic<bool> open_fails{false};
    std::atomic<int> take_up_fails{0};  // times
  };
  Tricky(std::unique_ptr<Store> real, Plan& plan) : real_(std::move(real)), plan_(plan) {}

  Result<std::vector<ca::ShardRow>> Shards() override { return real_->Shards(); }
  Outcome OpenShard(ca::LogName log, const ca::NewShard& shard) override {
    return real_->OpenShard(log, shard);
  }
  Outcome KeepChain(const schema::Hash& key_hash,
                    const std::vector<schema::CertDer>& certificates) override {
    return real_->KeepChain(key_hash, certificates);
  }
  ca::ShardIds written() const override { return real_->written(); }
  Outcome KeepSigner(const ca::PrecertificateSigner& signer) override {
    return real_->KeepSigner(signer);
  }
  Result<std::vector<ca::IssuingCaRow>> IssuingCas() override { return real_->IssuingCas(); }
  Result<ca::Tails> ReadTails() override { return real_->ReadTails(); }
  Result<std::vector<schema::Hash>> ReadHashes(std::int64_t shard, int level, std::uint64_t first,
                                               std::size_t count) override {
    return real_->ReadHashes(shard, level, first, count);
  }
  Result<std::optional<schema::Bytes>> ReadData(ca::LogName log, std::uint64_t index) override {
    return real_->ReadData(log, index);
  }
  Result<std::vector<ca::SpentRow>> FindSpent(const schema::Hash& token) override {
    if (plan_.trick == Trick::kReads) return Error{plan_.kind, "a read fails"};
    return real_->FindSpent(token);
  }
  Result<std::optional<Charge>> FindCharge(const schema::Hash& bucket,
                                           std::uint64_t number) override {
    return real_->FindCharge(bucket, number);
  }
  Result<bool> IsSeen(const schema::Hash& id) override { return real_->IsSeen(id); }
  Result<std::uint64_t> LastSeen(const schema::Hash& scope) override {
    return real_->LastSeen(scope);
  }
  Result<ca::StoredEntry> ReadEntry(std::int64_t id) override { return real_->ReadEntry(id); }
  Result<std::vector<ca::Unsigned>> WithoutPrecertificate(std::uint64_t first,
                                                          std::size_t count_max) override {
    if (plan_.take_up_fails > 0) {
      --plan_.take_up_fails;
      return Error{&ca::sqlite::kUnavailable, "taking up fails"};
    }
    return real_->WithoutPrecertificate(first, count_max);
  }
  Outcome Begin() override { return real_->Begin(); }
  Outcome Cancel() override { return real_->Cancel(); }
  Outcome Append(const ca::Batch& batch) override {
    // The trick is for an entry or a policy, not for what the background writes.
    const bool entry = !batch.issuances.empty() || std::ranges::any_of(batch.entries, IsPolicy);
    if (entry && plan_.trick == Trick::kBefore) return Once("before the commit");
    TRY(real_->Append(batch));
    if (entry && plan_.trick == Trick::kAfter) return Once("after the commit");
    return schema::Ok();
  }
  Outcome Probe() override { return real_->Probe(); }
  Outcome Checkpoint() override { return real_->Checkpoint(); }

 private:
  Error Once(const char* when) {
    plan_.trick = Trick::kNone;
    return Error{plan_.kind, when};
  }
  std::unique_ptr<Store> real_;
  Plan& plan_;
};

ca::StoreAt OpenTricky(Tricky::Plan& plan) {
  return [&plan](const std::filesystem::path& path) -> Result<std::unique_ptr<Store>> {
    ++plan.opens;
    if (plan.open_fails) return Error{&ca::sqlite::kUnavailable, "cannot be opened"};
    TRY(auto real, ca::OpenStore(path));
    return std::unique_ptr<Store>(std::make_unique<Tricky>(std::move(real), plan));
  };
}

TEST_CASE("a commit that failed before it happened leaves nothing") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  plan.trick = Tricky::Trick::kBefore;
  CHECK(house.Issue("t").error().Is(ca::kLogUnavailable));
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE id >> 40 = 1"), 0);
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(plan.opens, 2);
  CHECK_EQ(IssueAtLast(house, "t"), 0);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE(
    "a commit that happened although it failed leaves an unfinished entry, which a retry "
    "finishes") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  plan.trick = Tricky::Trick::kAfter;
  CHECK(house.Issue("t").error().Is(ca::kLogUnavailable));
  CHECK_EQ(house.custody.Count(hsm::Purpose::kSct), 0);
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(house.log().State().certificates_size, 1);
  // Its precertificate is made up, so the checkpoint goes on.
  REQUIRE(house.WaitPublished(1));
  const auto receipt = house.log().Enter(house.MakeGrant("t"));
  REQUIRE(receipt);
  CHECK(receipt->retry());
  CHECK_EQ(receipt->index(), 0);
  CHECK_EQ(*house.Issue(""), 1);
  REQUIRE(house.WaitPublished(2));
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("a policy's commit fails: what the log has is in force, and adopting again settles it") {
  for (const auto trick : {Tricky::Trick::kBefore, Tricky::Trick::kAfter}) {
    CAPTURE(static_cast<int>(trick));
    House house;
    Tricky::Plan plan;
    REQUIRE(house.OpenWith(OpenTricky(plan)));
    const auto adopt = [&](const char* digest) {
      return house.log().Adopt({.policy = digest},
                               {{"type", "policy-loaded"}, {"policy_digest", digest}});
    };
    const auto enter = [&](const char* digest) {
      ca::Grant grant = house.MakeGrant();
      grant.basis.policy = digest;
      return house.log().Enter(std::move(grant));
    };
    REQUIRE(adopt("old"));
    plan.trick = trick;
    const auto failed = adopt("new");
    REQUIRE_FALSE(failed);
    CHECK_EQ(failed.error().kind->id, ca::kLogUnavailable.id);
    REQUIRE(WaitFor([&] { return house.log().State().ready; }));
    const bool happened = trick == Tricky::Trick::kAfter;
    CHECK_EQ(static_cast<bool>(enter("old")), !happened);
    CHECK_EQ(static_cast<bool>(enter("new")), happened);
    REQUIRE(adopt("new"));
    CHECK_FALSE(enter("old"));
    CHECK(enter("new"));
  }
}

TEST_CASE(
    "a budget and what was seen follow the commit: counted if it happened, not if it did not") {
  for (const auto trick : {Tricky::Trick::kBefore, Tricky::Trick::kAfter}) {
    const bool happened = trick == Tricky::Trick::kAfter;
    CAPTURE(happened);
    House house;
    Tricky::Plan plan;
    REQUIRE(house.OpenWith(OpenTricky(plan)));
    const auto grant = [&](const std::string& token) {
      ca::Grant made = house.MakeGrant(token);
      made.budgets = {{log_test::HashOf("b"), 1, std::chrono::hours(1), "b"}};
      made.traits = {{ca::TraitKind::kKey, "k", ""}};
      return made;
    };
    plan.trick = trick;
    CHECK(house.log().Enter(grant("t")).error().Is(ca::kLogUnavailable));
    REQUIRE(WaitFor([&] { return house.log().State().ready; }));
    CHECK_EQ(house.Ask("SELECT count(*) FROM charge"), happened ? 1 : 0);
    CHECK_EQ(house.Ask("SELECT count(*) FROM seen"), happened ? 1 : 0);
    const auto again = house.log().Enter(grant("t"));
    REQUIRE(again);
    CHECK_EQ(again->retry(), happened);
    CHECK(house.log().Enter(grant("u")).error().Is(ca::kBudgetExhausted));
    CHECK_EQ(house.Ask("SELECT count(*) FROM seen"), 1);
    REQUIRE(house.WaitPublished(1));
    CHECK_EQ(log_test::Inspect(house), "");
  }
}

TEST_CASE("an entry that cannot be taken up at once is not forgotten") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  plan.take_up_fails = 2;
  plan.trick = Tricky::Trick::kAfter;
  CHECK_FALSE(house.Issue("t"));
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(plan.take_up_fails, 0);
  REQUIRE(house.Issue("u"));
  REQUIRE(house.WaitPublished(2));
  CHECK_EQ(house.Ask("SELECT count(*) FROM certificate WHERE precertificate NOT NULL"), 2);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("another writer's entries are noticed, and nothing is written over them") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue("t"));
  REQUIRE(house.WaitPublished(1));
  REQUIRE(WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == 1;
  }));
  {
    auto connection = ca::sqlite::Connection::Open(house.database(), {.write = true});
    REQUIRE((*connection)->Execute("UPDATE tail SET size=size+1 WHERE shard=2"));
  }
  CHECK(house.Issue("u").error().Is(ca::kLogHalted));
  CHECK_EQ(house.Ask("SELECT count(*) FROM issuance"), 1);
}

TEST_CASE("the store cannot be opened again for a while") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  plan.open_fails = true;
  plan.trick = Tricky::Trick::kBefore;
  CHECK_FALSE(house.Issue("t"));
  REQUIRE(WaitFor([&] { return plan.opens >= 3; }));
  CHECK_FALSE(house.log().State().ready);
  CHECK_NE(house.log().State().reason.find("cannot be opened"), std::string::npos);
  plan.open_fails = false;
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(IssueAtLast(house, "t"), 0);
}

TEST_CASE("a failing read refuses its request only") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  plan.trick = Tricky::Trick::kReads;
  CHECK(house.Issue("t").error().Is(ca::kLogUnavailable));
  CHECK(house.Issue(""));
  plan.trick = Tricky::Trick::kNone;
  CHECK(house.Issue("t"));
}

TEST_CASE("what was issued before a failure is stored after it") {
  House house;
  Tricky::Plan plan;
  REQUIRE(house.OpenWith(OpenTricky(plan)));
  const auto receipt = house.log().Enter(house.MakeGrant("t"));
  REQUIRE(receipt);
  plan.trick = Tricky::Trick::kBefore;
  std::thread other([&] { CHECK_FALSE(house.log().Enter(house.MakeGrant("u"))); });
  other.join();
  const auto certificate = house.Finish(*receipt);
  REQUIRE(WaitFor([&] {
    const auto entry = house.log().reader().Entry(0);
    return entry && entry->certificate == certificate;
  }));
  REQUIRE(WaitFor([&] { return house.log().reader().EventsOf(0)->size() == 2; }));
}

TEST_CASE("another process holds the database") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue("before"));
  int to_child[2], to_parent[2];
  REQUIRE_EQ(pipe(to_child), 0);
  REQUIRE_EQ(pipe(to_parent), 0);
  const std::string path = house.database();
  const pid_t child = fork();
  if (child == 0) {
    // Plain SQLite only: the parent has threads, so nothing else is safe here.
    sqlite3* db = nullptr;
    char byte = 'x';
    sqlite3_open(path.c_str(), &db);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) != SQLITE_OK) byte = 'e';
    if (write(to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1) _exit(1);
    sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
    _exit(0);
  }
  char byte = 0;
  REQUIRE_EQ(read(to_parent[0], &byte, 1), 1);
  REQUIRE_EQ(byte, 'x');
  const auto refused = house.Issue("during");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kLogUnavailable));
  CHECK_NE(house.log().State().reason.find("locked"), std::string::npos);
  CHECK(house.log().reader().LatestTreeHead(ca::LogName::kCertificates));
  REQUIRE_EQ(write(to_child[1], &byte, 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) close(fd);
  REQUIRE(WaitFor([&] { return house.log().State().ready; }));
  CHECK_EQ(IssueAtLast(house, "during"), 1);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("the log key's signer is away: the entry stays, a retry gets its SCT") {
  House house;
  REQUIRE(house.Open());
  house.custody.Fail(hsm::Purpose::kSct, hsm::kSignerUnavailable, 1);
  const auto failed = house.log().Enter(house.MakeGrant("t"));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().Is(hsm::kSignerUnavailable));
  const auto retry = house.log().Enter(house.MakeGrant("t"));
  REQUIRE(retry);
  CHECK(retry->retry());
  CHECK_EQ(retry->index(), 0);
}

}  // namespace
