#include "ca/log/keeper.h"

#include <system_error>

#include "ca/log/log.h"
#include "ca/log/rows.h"

namespace ca {

using schema::Ok;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::chrono::milliseconds kEvery{100};
constexpr int kSettleEvery = 100;  // rounds
constexpr std::size_t kSettleAtOnce = 256;
// Octets; below it a checkpoint waits, so that a page which is written again and again is copied
// once.
constexpr std::uintmax_t kWalWorthIt = 32 * 1024 * 1024;
// Of 4 KiB: beyond, the sequencer helps, so that the file starts anew.
constexpr int kFramesMax = 12 * 1024;

// Entries from ?1 to ?2: has a certificate or an event already, else the facts of its event.
constexpr const char* kUnsettledSql =
    "SELECT i.id, i.not_after, c.certificate IS NOT NULL OR u.id IS NOT NULL, i.serial, "
    "(SELECT value FROM name WHERE id=i.san), i.request_id FROM issuance i LEFT JOIN certificate c "
    "USING(id) LEFT JOIN unfinished u "
    "USING(id) "
    "WHERE i.id>=? AND i.id<=? ORDER BY i.id LIMIT ?";

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::Start(KeeperParts parts) {
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(parts)));
  TRY(keeper->Open());
  keeper->thread_ = std::thread([raw = keeper.get()] { raw->Run(); });
  return keeper;
}

Outcome Keeper::Open() {
  // Writes nothing, but SQLite lets only a writer make checkpoints.
  TRY(connection_, sqlite::Connection::Open(parts_.database,
                                            {.write = true, .vfs = "", .busy_milliseconds = 1000}));
  TRY(connection_->Execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
  TRY(unsettled_, connection_->Prepare(kUnsettledSql));
  TRY(tree_head_, connection_->Prepare(kTreeHeadSql));
  TRY(place_, Place::Of(parts_.database));
  const std::int64_t written = WrittenOf(parts_.shards).certificates;
  for (const ShardRow& shard : parts_.shards) {
    if (shard.log != LogName::kCertificates) continue;
    if (shard.id == written) {
      written_ = shard;
    } else {
      closed_.push_back(shard);
    }
  }
  return Settle();
}

Keeper::~Keeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Keeper::Run() {
  for (int round = 1;; ++round) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kEvery, [this] { return stopping_; });
      if (stopping_) break;
    }
    if (!parts_.sequencer.Look().ready) continue;  // the sequencer has said why
    EnterRefusals(false);
    // The sequencer finds what this found, and halts: nobody need ask for a certificate first.
    if (!place_->Check()) Report(parts_.sequencer.Push(CheckpointJob{}));
    Report(Checkpoint());
    if (round % kSettleEvery != 0) continue;
    Report(Settle());
    Report(KeepMark());
  }
  EnterRefusals(true);
  Report(KeepMark());
}

void Keeper::Report(const Outcome& outcome) {
  std::string trouble = outcome ? "" : outcome.error().Describe();
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  if (!trouble_.empty()) parts_.journal.Warning("log-housekeeping", {{"reason", trouble_}});
}

void Keeper::EnterRefusals(bool all) {
  for (const schema::Json& summary : parts_.refusals.Summaries(parts_.clock.Now(), all)) {
    auto event = EventText::Make(summary);
    if (event) Report(parts_.sequencer.Push(NoteJob{*std::move(event), nullptr}));
  }
}

Outcome Keeper::Settle() {
  for (ShardRow& shard : closed_) {
    TRY(shard.settled, SettleShard(shard, shard.settled));
  }
  std::erase_if(closed_, [](const ShardRow& shard) { return shard.settled == shard.size; });
  TRY(SettleShard(written_, parts_.sequencer.Look().tails.settled));
  return Ok();
}

Result<std::uint64_t> Keeper::SettleShard(const ShardRow& shard, std::uint64_t settled) {
  while (true) {
    TRY(const std::uint64_t now, SettleSome(shard, settled));
    if (now - settled < kSettleAtOnce) return now;
    settled = now;
  }
}

// From the first unsettled entry on, as far as NotAfter has passed. The mark moves in the
// transaction that enters the events, so each is entered once.
Result<std::uint64_t> Keeper::SettleSome(const ShardRow& shard, std::uint64_t settled) {
  const bool written = shard.id == written_.id;
  const schema::Time now = schema::ToSeconds(parts_.clock.Now());
  SettleJob job{shard.id, settled, {}, std::make_shared<Slot<Outcome>>()};
  unsettled_->Start(RowId(shard.id, settled), RowId(shard.id, kIndexMax),
                    std::uint64_t{kSettleAtOnce});
  while (true) {
    TRY(const bool row, unsettled_->Next());
    if (!row) break;
    const std::uint64_t index = IndexOf(unsettled_->Integer(0));
    const bool ended = FromSeconds(unsettled_->Integer(1)) < now;
    // One whose certificate is on its way to the store is not unfinished.
    if (!ended || (written && parts_.pending.Holds(index))) break;
    job.settled = index + 1;
    if (unsettled_->Integer(2) != 0) continue;
    schema::Json event = {{"type", "unfinished"},
                          {"serial", unsettled_->Text(3)},
                          {"san", unsettled_->Text(4)},
                          {"request_id", unsettled_->Text(5)}};
    if (!written) event["shard"] = shard.name;
    TRY(EventText text, EventText::Make(event));
    job.unfinished.emplace_back(index, std::move(text));
  }
  unsettled_->Stop();
  if (job.settled == settled) return settled;
  settled = job.settled;
  const OutcomeSlot slot = job.slot;
  TRY(parts_.sequencer.Push(std::move(job)));
  TRY(slot->Wait());
  return settled;
}

// Of what is in the store by now, so that the mark never says more than the store has.
Outcome Keeper::KeepMark() {
  const ShardIds written = WrittenOf(parts_.shards);
  Mark mark;
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    TRY(const auto published, ReadTreeHead(*tree_head_, written.Of(log)));
    if (!published) return Ok();
    mark.push_back({log, published->head.size, published->head.root});
  }
  if (mark == mark_) return Ok();
  TRY(place_->Check());
  TRY(WriteMark(parts_.database.parent_path(), mark));
  mark_ = std::move(mark);
  return Ok();
}

Outcome Keeper::Checkpoint() {
  std::error_code none;
  const auto size = std::filesystem::file_size(parts_.database.string() + "-wal", none);
  if (none || size < kWalWorthIt) return Ok();
  TRY(const sqlite::WalState wal, connection_->Checkpoint());
  // While commits go on there is always something left; only between two commits can the rest be
  // brought over, and only then does the file start anew.
  if (wal.frames < kFramesMax) return Ok();
  return parts_.sequencer.Push(CheckpointJob{});
}

}  // namespace ca
