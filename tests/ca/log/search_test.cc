// Searches beside what reading every row finds, and what of the store they read.
#include "ca/log/search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "ca/log/search_sql.h"
#include "ca/log/store.h"
#include "schema/sql/migrations.h"
#include "tests/ca/log/house.h"

namespace {

using ca::Batch;
using ca::IssuanceRecord;
using ca::LogName;
using ca::Search;
using log_test::TempDir;

constexpr std::int64_t kShard = 1;
const schema::TimeMs kStart{std::chrono::milliseconds(1'700'000'000'000)};

schema::TimeMs LoggedAt(std::uint64_t index) {
  return kStart + std::chrono::milliseconds(10 * index);
}

// Two workflows of three are often used, every 5,000th certificate is of one that is rarely; every
// 700th names the same as SAN and as subject.
IssuanceRecord MakeRecord(std::uint64_t index) {
  const std::string team = index % 5000 == 17 ? "rare" : "team" + std::to_string(index % 3);
  IssuanceRecord record;
  record.index = index;
  record.leaf = static_cast<std::int64_t>(index * 0x9e3779b97f4a7c15);
  const schema::Hash serial = log_test::HashOf(std::to_string(index));
  record.serial = schema::Hex(schema::BytesView(serial).first(20));
  record.san = "https://ci.example/" + team + "/build.yml@refs/heads/" + std::to_string(index % 7);
  record.issuer = index % 2 == 0 ? "https://even.example" : "https://odd.example";
  record.subject = index % 700 == 0 ? record.san : "repo:" + team;
  record.request_id = "r" + std::to_string(index);
  record.logged = LoggedAt(index);
  return record;
}

const IssuanceRecord& Record(std::uint64_t index) {
  static std::deque<IssuanceRecord> records;
  while (records.size() <= index) records.push_back(MakeRecord(records.size()));
  return records[index];
}

// The store with so many certificates, a thousand in a commit.
std::unique_ptr<ca::Store> Fill(const std::filesystem::path& path, std::uint64_t size) {
  auto store = ca::OpenStore(path);
  MUST(store);
  const ca::NewShard shard{"2026", "example.org/log", {1}, {2}, {3}, {}};
  MUST((*store)->OpenShard(LogName::kCertificates, shard));
  MUST((*store)->OpenShard(LogName::kEvents, shard));
  for (std::uint64_t next = 0; next < size;) {
    Batch batch;
    batch.before = batch.after = *(*store)->ReadTails();
    const std::uint64_t end = std::min(size, next + 1000);
    for (; next < end; ++next) batch.issuances.push_back(Record(next));
    batch.after.certificates.size = end;
    MUST((*store)->Append(batch));
  }
  return *std::move(store);
}

bool Matches(const std::string& wanted, const std::string& text) {
  if (wanted.empty()) return true;
  if (wanted.back() != '*') return wanted == text;
  return text.starts_with(wanted.substr(0, wanted.size() - 1));
}

std::vector<std::uint64_t> Read(const Search& search, std::uint64_t size) {
  std::vector<std::uint64_t> found;
  for (std::uint64_t i = size; i-- > 0 && found.size() < search.count_max;) {
    const IssuanceRecord& record = Record(i);
    if (search.before && i >= *search.before) continue;
    if (search.since && record.logged < *search.since) continue;
    if (search.until && record.logged > *search.until) continue;
    if (Matches(search.san, record.san) && Matches(search.issuer, record.issuer) &&
        Matches(search.subject, record.subject) && Matches(search.serial, record.serial) &&
        Matches(search.request_id, record.request_id)) {
      found.push_back(i);
    }
  }
  return found;
}

struct Case {
  const char* name;
  Search search;
};

std::vector<Case> Cases(std::uint64_t size) {
  const std::string rare = "https://ci.example/rare/*";
  const std::string often = "https://ci.example/team1/build.yml@refs/heads/3";
  std::vector<Case> cases = {
      {"all", {}},
      {"a san", {.san = often}},
      {"a san that is nobody's", {.san = "https://ci.example/"}},
      {"a rare san", {.san = "https://ci.example/rare/build.yml@refs/heads/3"}},
      {"a prefix of many", {.san = "https://ci.example/*"}},
      {"a prefix of a third", {.san = "https://ci.example/team2/*"}},
      {"a prefix of few", {.san = rare}},
      {"a prefix of none", {.san = "https://ci.example/none*"}},
      {"a subject", {.subject = "repo:rare"}},
      {"a subject's prefix", {.subject = "repo:r*"}},
      {"a text that is san and subject", {.san = often, .subject = often}},
      {"an issuer", {.issuer = "https://odd.example"}},
      {"issuer and prefix", {.san = rare, .issuer = "https://odd.example"}},
      {"san and other subject", {.san = often, .subject = "repo:team2"}},
      {"serial and san", {.san = MakeRecord(7).san, .serial = Record(7).serial}},
      {"serial and other san", {.san = Record(8).san, .serial = Record(7).serial}},
      {"request", {.request_id = "r12"}},
  };
  std::vector<Case> all;
  for (const Case& c : cases) {
    all.push_back(c);
    all.push_back(c);
    all.back().search.before = size / 2;
    all.push_back(c);
    all.back().search.since = LoggedAt(size / 3);
    all.back().search.until = LoggedAt(size / 3 * 2);
    all.push_back(c);
    all.back().search.until = LoggedAt(2);
    all.push_back(c);
    all.back().search.count_max = 7;
  }
  return all;
}

std::string Plan(ca::sqlite::Connection& connection, ca::SearchSql sql) {
  auto plan = connection.Prepare("EXPLAIN QUERY PLAN " + sql.text);
  REQUIRE(plan);
  sql.values.emplace_back(std::int64_t{10});
  plan->StartWith(sql.values);
  std::string steps;
  while (*plan->Next()) steps += std::string(plan->Text(3)) + "\n";
  return steps;
}

// Merged or not, near the newest row or far from it.
TEST_CASE("a search finds what reading all rows does") {
  for (const std::uint64_t size : {0U, 900U, 8192U, 12'000U, 61'000U}) {
    TempDir dir;
    const auto store = Fill(dir.path() / "db", size);
    const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
    REQUIRE(connection);
    if (size > 50'000) {  // names are in both indexes
      CHECK_GT(*(*connection)->Ask("SELECT count(*) FROM named"), 1000);
      CHECK_GT(*(*connection)->Ask("SELECT count(*) FROM named_middle"), 1000);
    }
    for (const Case& c : Cases(size)) {
      CAPTURE(size);
      CAPTURE(c.name);
      const auto rows = ca::FindIssuances(**connection, c.search, kShard);
      REQUIRE(rows);
      std::vector<std::uint64_t> found;
      for (const ca::IssuanceRow& row : *rows) {
        found.push_back(row.index);
        const IssuanceRecord& record = Record(row.index);
        CHECK_EQ(row.san, record.san);
        CHECK_EQ(row.issuer, record.issuer);
        CHECK_EQ(row.subject, record.subject);
      }
      CHECK_EQ(found, Read(c.search, size));
    }
  }
}

TEST_CASE("names stay what they were when a commit fails, and are stored once") {
  TempDir dir;
  const auto store = Fill(dir.path() / "db", 10);
  Batch batch;
  batch.before = batch.after = *store->ReadTails();
  batch.issuances.push_back(Record(10));
  batch.issuances.back().san = "https://ci.example/new";
  batch.after.certificates.size = 11;
  Batch spoiled = batch;
  spoiled.issuances.push_back(batch.issuances.back());  // the same serial
  CHECK_FALSE(store->Append(spoiled));
  Batch other = batch;
  other.issuances.front().san = "https://ci.example/other";
  REQUIRE(store->Append(other));
  const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
  REQUIRE(connection);
  CHECK_EQ(ca::FindIssuances(**connection, {.san = "https://ci.example/other"}, kShard)->size(), 1);
  CHECK(ca::FindIssuances(**connection, {.san = "https://ci.example/new"}, kShard)->empty());
  CHECK_EQ(*(*connection)->Ask("SELECT count(*) - count(DISTINCT value) FROM name"), 0);
}

TEST_CASE("a search reads an index or the newest rows, never the table") {
  TempDir dir;
  const auto store = Fill(dir.path() / "db", 10);
  const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
  REQUIRE(connection);
  struct Reading {
    Search search;
    const char* of_last;  // what its last part reads
  };
  const Reading kReadings[] = {
      {{.san = "a"}, "SEARCH n USING PRIMARY KEY (name=? AND id<?)"},
      {{.subject = "a"}, "SEARCH n USING PRIMARY KEY (name=? AND id<?)"},
      {{.san = "a*", .issuer = "b"}, "SEARCH n USING PRIMARY KEY (name=? AND id<?)"},
      {{.san = "a*"}, "SEARCH named USING PRIMARY KEY (name=?)"},
      {{.san = "a*"}, "SEARCH named_middle USING PRIMARY KEY (name=?)"},
      {{.san = "a*"}, "SEARCH name USING COVERING INDEX"},
      {{.serial = "0123456789abcdef"}, "SEARCH lookup USING PRIMARY KEY"},
      {{.serial = "0123456789abcdef*"}, "SEARCH lookup USING PRIMARY KEY"},
      {{.serial = "01*"}, "SEARCH lookup USING PRIMARY KEY"},
      {{.request_id = "a"}, "SEARCH i USING INDEX issuance_request (request_id=?"},
      {{.request_id = "a*"}, "SEARCH i USING INDEX issuance_request (request_id>?"},
  };
  for (const Reading& reading : kReadings) {
    CAPTURE(reading.of_last);
    const auto parts = ca::MakeSearchSql(reading.search, kShard, 9, 5);
    REQUIRE(parts);
    const std::string last = Plan(**connection, parts->back());
    CAPTURE(last);
    CHECK_NE(last.find(reading.of_last), std::string::npos);
    for (const ca::SearchSql& part : *parts) {
      const std::string steps = Plan(**connection, part);
      CAPTURE(steps);
      CHECK_EQ(steps.find("SCAN i"), std::string::npos);
    }
    if (parts->size() == 1) continue;
    const std::string first = Plan(**connection, parts->front());
    CAPTURE(first);
    CHECK_NE(first.find("SEARCH i USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
             std::string::npos);
    CHECK_EQ(first.find("TEMP B-TREE"), std::string::npos);
  }
}

// Below what is settled only an unfinished entry can lack it, and may have got it since.
TEST_CASE("a row says whether its certificate is stored") {
  TempDir dir;
  const auto store = Fill(dir.path() / "db", 6);
  const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {.write = true});
  REQUIRE(connection);
  const auto id = [](std::uint64_t index) { return std::to_string(ca::RowId(kShard, index)); };
  REQUIRE((*connection)
              ->Execute("UPDATE tail SET settled=4 WHERE shard=1;"
                        "INSERT INTO unfinished VALUES(" +
                        id(1) + ",0),(" + id(2) +
                        ",0);"
                        "INSERT INTO certificate VALUES(" +
                        id(0) + ",x'00',NULL,NULL),(" + id(2) + ",x'00',NULL,NULL),(" + id(3) +
                        ",x'00',NULL,NULL),(" + id(4) + ",x'00',NULL,NULL),(" + id(5) +
                        ",NULL,x'00',NULL)"));
  const auto rows = ca::FindIssuances(**connection, {}, kShard);
  REQUIRE(rows);
  std::vector<bool> stored;
  for (const ca::IssuanceRow& row : *rows) stored.push_back(row.certificate_stored);
  CHECK_EQ(stored, std::vector<bool>{false, true, true, true, false, true});  // newest first
}

TEST_CASE("a star stands at the end") {
  for (const auto member :
       {&Search::san, &Search::issuer, &Search::subject, &Search::serial, &Search::request_id}) {
    Search search;
    search.*member = "a*b";
    const auto refused = ca::MakeSearchSql(search, kShard, 9, 5);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kBadRange));
  }
}

// The version before had texts in each row, and an index of each column.
TEST_CASE("a store whose rows had names in them is searched as before") {
  TempDir dir;
  {
    const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {.write = true});
    REQUIRE(connection);
    const auto migrations = schema::sql::Migrations();
    const std::size_t before = 8;
    for (std::size_t i = 0; i < before; ++i) {
      REQUIRE((*connection)->Execute(std::string(migrations[i])));
    }
    REQUIRE((*connection)->Execute("PRAGMA user_version=" + std::to_string(before)));
    auto insert = (*connection)->Prepare("INSERT INTO issuance VALUES(?,?,?,?,?,?,?,0,0,?,0)");
    auto merged = (*connection)->Prepare("INSERT INTO lookup VALUES(?,?)");
    auto fresh = (*connection)->Prepare("INSERT INTO lookup_new VALUES(?,?)");
    REQUIRE(insert);
    REQUIRE(merged);
    REQUIRE(fresh);
    for (std::uint64_t i = 0; i < 100; ++i) {
      const IssuanceRecord& record = Record(i);
      const std::int64_t id = ca::RowId(kShard, i);
      REQUIRE(insert
                  ->Start(id, record.leaf, record.serial, record.san, record.issuer, record.subject,
                          record.request_id, record.logged.time_since_epoch().count())
                  .Run());
      ca::sqlite::Statement& look = i < 60 ? *merged : *fresh;
      REQUIRE(look.Start(record.leaf, id).Run());
      REQUIRE(look.Start(record.serial.substr(0, 12), id).Run());
    }
  }
  REQUIRE(ca::OpenStore(dir.path() / "db"));
  const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {});
  REQUIRE(connection);
  for (const Case& c : Cases(100)) {
    CAPTURE(c.name);
    const auto rows = ca::FindIssuances(**connection, c.search, kShard);
    REQUIRE(rows);
    std::vector<std::uint64_t> found;
    for (const ca::IssuanceRow& row : *rows) {
      found.push_back(row.index);
      CHECK_EQ(row.san, Record(row.index).san);
      CHECK_EQ(row.subject, Record(row.index).subject);
    }
    CHECK_EQ(found, Read(c.search, 100));
  }
}

}  // namespace
