// The power goes at any write, sync, truncation, creation or deletion of a file: what was
// acknowledged is there afterwards, the tree is whole and of the same entries, and the log goes on.
//
// What a sequencer does, on one thread and with randomness of a seed, so that a failure happens
// again. CHANCERY_POWER_CUTS is the number of seeds.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

#include "ca/log/batch.h"
#include "ca/log/sqlite.h"
#include "ca/log/store.h"
#include "ca/profile.h"
#include "schema/log/leaf.h"
#include "tests/ca/log/house.h"
#include "tests/support/power_cut_vfs.h"

namespace {

using ca::BatchMaker;
using ca::LogName;
using ca::Store;
using ca::Tails;
using log_test::House;
using schema::Bytes;
using schema::Outcome;
using schema::Result;
using support::PowerCut;

constexpr std::array kLogs = {LogName::kCertificates, LogName::kEvents};

int Seeds() {
  const char* seeds = std::getenv("CHANCERY_POWER_CUTS");
  return seeds == nullptr ? 30 : std::atoi(seeds);
}

// What has been promised.
struct Promised {
  Tails tails;
  std::array<std::vector<Bytes>, 2> entries;  // by log
  std::vector<std::string> tokens;            // by index, as the next
  std::vector<Bytes> certificates;            // empty: none yet
};

// Grants that are made once and entered under many serials and tokens.
class Grants {
 public:
  explicit Grants(House& house) {
    for (int i = 0; i < 4; ++i) {
      ca::Grant grant = house.MakeGrant("t");
      const auto facts = ca::ReadTbs(grant.tbs.tbs());
      MUST(facts);
      grants_.push_back({std::move(grant), "", facts->not_before, facts->not_after, {}, {}});
    }
  }
  ca::PreparedGrant& Next(const std::string& token, std::mt19937_64& random) {
    ca::PreparedGrant& next = grants_[turn_++ % grants_.size()];
    Bytes serial;
    for (int i = 0; i < 20; ++i) serial.push_back(static_cast<std::uint8_t>(random()));
    next.serial = schema::Hex(serial);
    next.grant.token_id = log_test::HashOf(token);
    next.grant.san = "https://ci.example/" + token;
    next.grant.issuer = "https://token.example";
    next.grant.subject = next.grant.request_id = token;
    return next;
  }

 private:
  std::vector<ca::PreparedGrant> grants_;
  std::size_t turn_ = 0;
};

class Run {
 public:
  Run(House& house, Grants& grants, std::uint64_t seed)
      : database_(directory_.path() / "db"),
        house_(house),
        grants_(grants),
        random_(seed),
        promised_{},
        attempt_{} {}

  // Until the power fails, or for `steps` steps. An error without a power cut, or what is wrong.
  std::string Live(int steps) {
    auto done = Open();
    if (done && !power_.IsOff()) {
      if (std::string wrong = Check(); !wrong.empty()) return wrong;
    }
    for (int i = 0; done && i < steps; ++i) done = Step();
    store_.reset();
    return done || power_.IsOff() ? "" : done.error().Describe();
  }
  void CutAt(std::uint64_t nth) { power_.At(nth); }
  void Restore() {
    store_.reset();
    power_.Restore(random_);
  }
  std::uint64_t Random(std::uint64_t below) { return random_() % below; }
  std::size_t size() const { return promised_.tokens.size(); }

 private:
  Outcome Open();
  Outcome Step();
  Outcome Commit();
  void Enter(BatchMaker& maker, Promised& after);
  void Certify(BatchMaker& maker, Promised& after);
  std::string Check();
  std::string CheckTree(LogName log);
  std::string CheckCertificate(std::uint64_t index);

  log_test::TempDir directory_;
  const std::filesystem::path database_;
  PowerCut power_;
  House& house_;
  Grants& grants_;
  std::mt19937_64 random_;
  std::unique_ptr<Store> store_;
  ca::Edges edges_;
  Promised promised_;
  std::optional<Promised> attempt_;  // the promise of a commit that has not come back
};

Outcome Run::Open() {
  TRY(store_, ca::OpenStore(database_));
  TRY(const auto shards, store_->Shards());
  for (std::size_t i = shards.size(); i < kLogs.size(); ++i) {
    TRY(store_->OpenShard(kLogs[i],
                          {"2026", "example.org/log", {1}, {2}, {3}, house_.clock.Now()}));
  }
  TRY(const Tails found, store_->ReadTails());
  if (attempt_ && found == attempt_->tails) promised_ = *attempt_;
  attempt_.reset();
  if (found != promised_.tails) return schema::Error{&ca::kForked, "tails of neither commit"};
  TRY(edges_, ca::LoadEdges(*store_, found));
  return schema::Ok();
}

Outcome Run::Step() {
  switch (Random(12)) {
    case 0:
      return store_->Probe();
    case 1:
      return store_->Checkpoint();
    case 2:
      store_.reset();
      return Open();
    default:
      return Commit();
  }
}

void Run::Enter(BatchMaker& maker, Promised& after) {
  const std::string token = std::to_string(after.tokens.size()) + "-" + std::to_string(random_());
  MUST(maker.Add(grants_.Next(token, random_)).has_value());
  after.tokens.push_back(token);
  after.certificates.emplace_back();
}

// One that has none yet, if there is one.
void Run::Certify(BatchMaker& maker, Promised& after) {
  const std::size_t first = std::min<std::size_t>(promised_.tokens.size(), 3);
  for (std::size_t i = promised_.tokens.size() - first; i < promised_.tokens.size(); ++i) {
    Bytes& certificate = after.certificates[i];
    if (!certificate.empty()) continue;
    const Bytes& leaf = promised_.entries[0][i];
    certificate.assign({0x30, 0x82});
    certificate.insert(certificate.end(), leaf.begin(), leaf.end());
    for (int n = 0; n < 70; ++n) certificate.push_back(static_cast<std::uint8_t>(random_()));
    const std::uint64_t issued = maker.Add(log_test::Event({{"type", "issued"}}), i);
    maker.batch().certificates.push_back({i, certificate, certificate, issued});
    return;
  }
}

Outcome Run::Commit() {
  house_.clock.Advance(std::chrono::milliseconds(1 + Random(20)));
  attempt_ = promised_;
  TRY(store_->Begin());
  BatchMaker maker(*store_, promised_.tails, edges_, house_.clock.Now());
  for (std::uint64_t n = Random(4); n > 0; --n) Enter(maker, *attempt_);
  Certify(maker, *attempt_);
  maker.Add(log_test::Event({{"type", "denied"}}));
  const ca::Batch& batch = maker.Close();
  const ca::Tail& tail = promised_.tails.events;
  if (Random(4) == 0) {
    maker.batch().tree_heads.push_back(
        {LogName::kEvents, {{house_.clock.Now(), tail.size, tail.root}, {}, "note"}});
  }
  attempt_->tails = batch.after;
  for (const ca::EntryRow& row : batch.entries) {
    attempt_->entries[row.log == LogName::kEvents ? 1 : 0].push_back(row.data);
  }
  TRY(store_->Append(batch));
  promised_ = *std::exchange(attempt_, std::nullopt);
  edges_ = maker.edges();
  return schema::Ok();
}

std::string Run::CheckTree(LogName log) {
  const auto& entries = promised_.entries[log == LogName::kEvents ? 1 : 0];
  schema::merkle::Frontier edge;
  std::vector<schema::merkle::Frontier::Stored> hashes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto data = store_->ReadData(log, i);
    if (!data || !*data || **data != entries[i]) return "entry " + std::to_string(i);
    edge.Append(schema::LeafHash(entries[i]), hashes);
  }
  for (const auto& stored : hashes) {
    const auto hash = store_->ReadHashes(store_->written().Of(log), stored.level, stored.index, 1);
    if (!hash || hash->front() != stored.hash) return "hash " + std::to_string(stored.index);
  }
  const Tails& tails = promised_.tails;
  const ca::Tail& tail = log == LogName::kEvents ? tails.events : tails.certificates;
  if (edge.size() != tail.size || edge.Root() != tail.root) return "the tail";
  return "";
}

std::string Run::CheckCertificate(std::uint64_t index) {
  const std::string name = "certificate " + std::to_string(index);
  const auto spent = store_->FindSpent(log_test::HashOf(promised_.tokens[index]));
  const std::int64_t id = ca::RowId(store_->written().certificates, index);
  if (!spent || spent->size() != 1 || spent->front().entry != id) return name + ": its token";
  const auto entry = store_->ReadEntry(id);
  if (!entry) return name + ": " + entry.error().Describe();
  const Bytes& promised = promised_.certificates[index];
  if (promised.empty()) return entry->certificate ? name + " came from nowhere" : "";
  if (!entry->precertificate) return name + ": its precertificate";
  return entry->certificate && entry->certificate->bytes() == promised ? "" : name;
}

std::string Run::Check() {
  for (const LogName log : kLogs) {
    if (std::string wrong = CheckTree(log); !wrong.empty()) return wrong;
  }
  for (std::size_t i = 0; i < promised_.tokens.size(); ++i) {
    if (std::string wrong = CheckCertificate(i); !wrong.empty()) return wrong;
  }
  auto connection = ca::sqlite::Connection::Open(database_, {});
  const auto sound = (*connection)->Ask("SELECT integrity_check='ok' FROM pragma_integrity_check");
  const auto issuances = (*connection)->Ask("SELECT count(*) FROM issuance");
  if (!sound || *sound != 1) return "the database is damaged";
  if (!issuances || *issuances != static_cast<std::int64_t>(promised_.tokens.size())) {
    return "rows of issuances";
  }
  return "";
}

// How far away the next cut is: often near, for what a start does, and as far as a life goes.
std::uint64_t Distance(Run& run) { return 1 + run.Random(std::uint64_t{1} << (3 + run.Random(7))); }

TEST_CASE("the power goes at any operation on a file, and nothing acknowledged is lost") {
  House house;
  Grants grants(house);
  std::size_t entries = 0, cuts = 0;
  for (int seed = 1; seed <= Seeds(); ++seed) {
    CAPTURE(seed);
    Run run(house, grants, static_cast<std::uint64_t>(seed));
    for (int life = 0; life < 2; ++life) {
      run.CutAt(Distance(run));
      REQUIRE_EQ(run.Live(10), "");
      run.Restore();
      ++cuts;
    }
    REQUIRE_EQ(run.Live(3), "");
    run.Restore();
    REQUIRE_EQ(run.Live(0), "");
    entries += run.size();
  }
  MESSAGE(cuts << " lives, " << entries << " certificates");
  CHECK_GT(entries, cuts);
}

}  // namespace
