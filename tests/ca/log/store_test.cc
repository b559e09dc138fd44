// The store's own promises: compare-and-swap, migrations, what it says of errors.
#include "ca/log/store.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "ca/log/sqlite.h"
#include "schema/log/leaf.h"
#include "tests/ca/log/house.h"

namespace {

using ca::Batch;
using ca::LogName;
using ca::Store;
using ca::Tails;
using log_test::TempDir;

const ca::NewShard kShard{"2026", "example.org/log", {1}, {2}, {3}, {}};

std::unique_ptr<Store> OpenNew(const std::filesystem::path& path) {
  auto store = ca::OpenStore(path);
  MUST(store);
  if ((*store)->Shards()->empty()) {
    MUST((*store)->OpenShard(LogName::kCertificates, kShard));
    MUST((*store)->OpenShard(LogName::kEvents, kShard));
  }
  return *std::move(store);
}

// A batch with one event more.
Batch OneEvent(const Tails& before, const std::string& text) {
  Batch batch;
  batch.before = before;
  batch.after = before;
  batch.entries.push_back(
      {LogName::kEvents, before.events.size, schema::ToBytes(schema::AsBytes(text))});
  batch.hashes.push_back(
      {LogName::kEvents, {0, before.events.size, schema::LeafHash(schema::AsBytes(text))}});
  batch.after.events.size += 1;
  batch.after.events.root = log_test::HashOf(text);
  return batch;
}

TEST_CASE("the second of two writers fails instead of forking") {
  TempDir dir;
  const auto first = OpenNew(dir.path() / "db");
  const auto second = OpenNew(dir.path() / "db");
  const Tails start = *first->ReadTails();
  REQUIRE_EQ(start, *second->ReadTails());
  REQUIRE(first->Append(OneEvent(start, "first")));
  const auto refused = second->Append(OneEvent(start, "second"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kForked));
  // It did nothing, and holds no lock.
  const Tails now = *second->ReadTails();
  CHECK_EQ(now.events.size, 1);
  CHECK(first->Append(OneEvent(now, "third")));
  CHECK_EQ(schema::AsText(**first->ReadData(LogName::kEvents, 0)), "first");
  CHECK_EQ(schema::AsText(**first->ReadData(LogName::kEvents, 1)), "third");
}

TEST_CASE("between Begin and Append or Cancel no other writer comes in") {
  TempDir dir;
  const auto first = OpenNew(dir.path() / "db");
  const auto second = OpenNew(dir.path() / "db");
  const Tails start = *first->ReadTails();
  REQUIRE(first->Begin());
  const auto locked = second->Begin();
  REQUIRE_FALSE(locked);
  CHECK(locked.error().Is(ca::sqlite::kUnavailable));
  CHECK_FALSE(second->Append(OneEvent(start, "second")));
  REQUIRE(first->Append(OneEvent(start, "first")));
  REQUIRE(second->Begin());
  CHECK_EQ(second->ReadTails()->events.size, 1);
  REQUIRE(second->Cancel());
  REQUIRE(first->Begin());
  CHECK_EQ(first->ReadTails()->events.size, 1);
  CHECK(first->Cancel());
}

TEST_CASE("any difference of the tails is seen") {
  TempDir dir;
  const auto store = OpenNew(dir.path() / "db");
  const Tails start = *store->ReadTails();
  Tails other = start;
  SUBCASE("size") { other.certificates.size = 1; }
  SUBCASE("root") { other.events.root[31] ^= 1; }
  SUBCASE("time") { other.certificates.time += std::chrono::milliseconds(1); }
  SUBCASE("settled") { other.settled = 1; }
  const auto refused = store->Append(OneEvent(other, "x"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kForked));
}

TEST_CASE("a batch is stored whole or not at all") {
  TempDir dir;
  const auto store = OpenNew(dir.path() / "db");
  const Tails start = *store->ReadTails();
  Batch batch = OneEvent(start, "x");
  batch.spent.push_back({log_test::HashOf("t"), log_test::HashOf("k"), 0, {}});
  batch.spent.push_back({log_test::HashOf("t"), log_test::HashOf("k"), 0, {}});
  const auto refused = store->Append(batch);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::sqlite::kBroken));
  CHECK_EQ(*store->ReadTails(), start);
  CHECK_FALSE(*store->ReadData(LogName::kEvents, 0));
  CHECK(store->FindSpent(log_test::HashOf("t"))->empty());
  batch.spent.pop_back();
  REQUIRE(store->Append(batch));
  const auto spent = store->FindSpent(log_test::HashOf("t"));
  REQUIRE_EQ(spent->size(), 1);
  CHECK_EQ(spent->front().key_hash, log_test::HashOf("k"));
}

// Tokens of entries `first` to `first` + `count` - 1.
Batch Spend(const Tails& tails, std::uint64_t first, std::uint64_t count) {
  Batch batch = OneEvent(tails, "x");
  for (std::uint64_t i = first; i < first + count; ++i) {
    batch.spent.push_back({log_test::HashOf("t" + std::to_string(i)),
                           log_test::HashOf("k"),
                           static_cast<std::int64_t>(i),
                           {}});
  }
  return batch;
}

TEST_CASE("a token is found wherever its key is: new, merged, after a failure, after a restart") {
  TempDir dir;
  auto store = OpenNew(dir.path() / "db");
  constexpr std::uint64_t kAtOnce = 5000, kCommits = 7;
  const auto rows = [&](const char* table) {
    auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
    REQUIRE(connection);
    return *(*connection)->Ask(std::string("SELECT count(*) FROM ") + table);
  };
  const auto check = [&](std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; i += 701) {
      const auto spent = store->FindSpent(log_test::HashOf("t" + std::to_string(i)));
      REQUIRE(spent);
      REQUIRE_EQ(spent->size(), 1);
      CHECK_EQ(spent->front().entry, static_cast<std::int64_t>(i));
    }
    CHECK(store->FindSpent(log_test::HashOf("t" + std::to_string(size)))->empty());
  };
  for (std::uint64_t commit = 0; commit < kCommits; ++commit) {
    const Tails tails = *store->ReadTails();
    // One entry twice: refused, at the fifth commit together with the merge it would have made.
    Batch spoiled = Spend(tails, commit * kAtOnce, kAtOnce);
    spoiled.spent.push_back(spoiled.spent.front());
    CHECK_FALSE(store->Append(spoiled));
    check(commit * kAtOnce);
    REQUIRE(store->Append(Spend(tails, commit * kAtOnce, kAtOnce)));
    check((commit + 1) * kAtOnce);
    if (commit % 2 == 0) store = OpenNew(dir.path() / "db");
    check((commit + 1) * kAtOnce);
  }
  CHECK_EQ(rows("lookup_middle"), 5 * kAtOnce);
  CHECK_EQ(rows("lookup_new"), 2 * kAtOnce);
}

TEST_CASE("a stored certificate is never replaced") {
  TempDir dir;
  const auto store = OpenNew(dir.path() / "db");
  const Tails tails = *store->ReadTails();
  const auto put = [&](ca::CertificateRow row) {
    Batch batch;
    batch.before = batch.after = tails;
    batch.certificates.push_back(std::move(row));
    MUST(store->Append(batch));
  };
  const schema::Bytes octets = {1, 2, 3, 4};
  const auto octet = [&](std::size_t n) { return schema::BytesView(octets).subspan(n - 1, 1); };
  put({0, octet(1), {}, 5});
  put({0, octet(2), octet(3), 6});
  put({0, {}, octet(4), std::nullopt});
  auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
  REQUIRE(connection);
  CHECK_EQ(*(*connection)
                ->Ask("SELECT hex(substr(certificate,-1))*100 + hex(substr(precertificate,-1))*10 "
                      "+ (issued & 255) "
                      "FROM certificate"),
           100 * 1 + 10 * 3 + 5);
}

TEST_CASE("the newest shard of a log is written, and is there after a restart") {
  TempDir dir;
  auto store = OpenNew(dir.path() / "db");
  REQUIRE(store->Append(OneEvent(*store->ReadTails(), "old")));
  Batch batch = OneEvent(*store->ReadTails(), "time");
  batch.after.events.time = schema::TimeMs(std::chrono::milliseconds(7));
  REQUIRE(store->Append(batch));
  ca::NewShard next = kShard;
  next.name = "2027";
  REQUIRE(store->OpenShard(LogName::kEvents, next));
  for (const bool again : {false, true}) {
    if (again) {
      store.reset();
      store = OpenNew(dir.path() / "db");
    }
    CHECK_EQ(store->written().certificates, 1);
    CHECK_EQ(store->written().events, 3);
    const auto shards = store->Shards();
    REQUIRE(shards);
    REQUIRE_EQ(shards->size(), 3);
    CHECK_EQ((*shards)[1].name, "2026");
    CHECK_EQ((*shards)[1].size, 2);
    CHECK_EQ((*shards)[2].name, "2027");
    const Tails tails = *store->ReadTails();
    CHECK_EQ(tails.events.size, again ? 1 : 0);
    CHECK_EQ(tails.events.time, batch.after.events.time);  // rises from shard to shard
    if (!again) REQUIRE(store->Append(OneEvent(tails, "new")));
    CHECK_EQ(schema::AsText(**store->ReadData(LogName::kEvents, 0)), "new");
  }
}

TEST_CASE("a store of a newer version is refused, and so is what is no store") {
  TempDir dir;
  { OpenNew(dir.path() / "db"); }
  {
    auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {.write = true});
    REQUIRE(connection);
    REQUIRE((*connection)->Execute("PRAGMA user_version=1000"));
  }
  const auto newer = ca::OpenStore(dir.path() / "db");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().Is(ca::sqlite::kBroken));
  std::ofstream(dir.path() / "text") << std::string(8192, 'x');
  const auto text = ca::OpenStore(dir.path() / "text");
  REQUIRE_FALSE(text);
  CHECK(text.error().Is(ca::sqlite::kBroken));
  const auto nowhere = ca::OpenStore(dir.path() / "no" / "db");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().Is(ca::sqlite::kUnavailable));
}

TEST_CASE("commits are synchronous and the store is in WAL mode") {
  TempDir dir;
  const auto store = OpenNew(dir.path() / "db");
  CHECK(std::filesystem::exists(dir.path() / "db-wal"));
}

TEST_CASE("edges that contradict the rows are refused") {
  struct Case {
    const char* name;
    const char* damage;
  };
  const Case kCases[] = {
      {"an entry is changed", "UPDATE entry SET data=x'00' WHERE id=(SELECT max(id) FROM entry)"},
      {"the oldest entry is changed", "UPDATE entry SET data=x'00' WHERE id=1<<40"},
      {"an entry is beyond the tail", "INSERT INTO entry VALUES((1<<40)+5, x'00')"},
      {"the tail is longer", "UPDATE tail SET size=size+1 WHERE shard=1"},
      {"an entry is gone", "DELETE FROM entry WHERE id=(SELECT max(id) FROM entry)"},
      {"a hash is changed",
       "UPDATE hash SET hash=zeroblob(32) WHERE id=(SELECT max(id) FROM hash)"},
      {"a hash is gone", "DELETE FROM hash WHERE id=(SELECT max(id) FROM hash)"},
      {"a hash is short", "UPDATE hash SET hash=x'01' WHERE id=(SELECT max(id) FROM hash)"},
      {"the tail is shorter", "UPDATE tail SET size=size-1 WHERE shard=2"},
      {"the root is another", "UPDATE tail SET root=zeroblob(32) WHERE shard=2"},
      {"the tail is gone", "DELETE FROM tail WHERE shard=2"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    log_test::House house;
    REQUIRE(house.Open());
    for (int i = 0; i < 5; ++i) REQUIRE(house.Issue());
    house.Close();
    {
      auto connection = ca::sqlite::Connection::Open(house.database(), {.write = true});
      REQUIRE(connection);
      REQUIRE((*connection)->Execute(c.damage));
    }
    CHECK_FALSE(house.Open());
  }
}

}  // namespace
