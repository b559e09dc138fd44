#include "ca/audit/verify.h"

#include <time.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "ca/audit/ahead.h"
#include "ca/audit/checkpoint.h"
#include "ca/audit/entry_check.h"
#include "ca/audit/event_facts.h"
#include "ca/audit/read_tile.h"
#include "ca/audit/shards.h"
#include "ca/audit/tree_check.h"
#include "schema/log/issued.h"
#include "schema/log/leaf.h"

namespace ca::audit {

using schema::Bytes;
using schema::BytesView;
using schema::Hash;
using schema::Outcome;
using schema::Result;
using schema::tile::Kind;
using schema::tile::Tile;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* kCertificates = "certificates";
constexpr const char* kEvents = "events";

// What one data tile or entry bundle comes to.
template <class Facts>
struct Part {
  std::vector<Hash> leaf_hashes;
  std::vector<Facts> facts;
  Findings findings;
};

// The tiles beside level 0 of a tree.
std::uint64_t TileCount(std::uint64_t size) {
  return size / schema::tile::kWidth + (size % schema::tile::kWidth != 0 ? 1 : 0);
}
Tile TileAt(Kind kind, std::uint64_t size, std::uint64_t index) {
  return {kind, 0, index, schema::tile::WidthIn(size, 0, index)};
}

// Level 0 has the hashes of these leaves.
Outcome CheckLeafHashes(const std::string& log, const Source& source, Tile tile,
                        const std::vector<Hash>& leaf_hashes, Findings& findings) {
  tile.kind = Kind::kHashes;
  TRY(const Bytes published, ReadTile(source, tile));
  bool same = published.size() >= leaf_hashes.size() * sizeof(Hash);
  for (std::size_t i = 0; same && i < leaf_hashes.size(); ++i) {
    same =
        schema::Equal(BytesView(published).subspan(i * sizeof(Hash), sizeof(Hash)), leaf_hashes[i]);
  }
  if (!same) {
    findings.Add("tile-differs", log + ' ' + schema::tile::Path(tile),
                 "not the hashes of its entries");
  }
  return schema::Ok();
}

// One shard of either log.
struct Log {
  std::string name;  // in findings
  const ShardSource* source;
  Checkpoint checkpoint;
  std::unique_ptr<EntryCheck> check{};  // of certificates

  const Source& files() const { return *source->files; }
  std::uint64_t size() const { return checkpoint.body.size; }
  LogReport Report() const {
    return {source->name, checkpoint.body.origin, size(), checkpoint.body.root,
            checkpoint.witnesses};
  }
};

using EntryPart = Part<EntryFacts>;
using EventPart = Part<EventFacts>;

// The entries of one data tile, on a thread of its own.
Result<EntryPart> CheckEntries(const Log& log, std::uint64_t index) {
  const Tile tile = TileAt(Kind::kData, log.size(), index);
  EntryPart part;
  const auto bad = [&](const std::string& path, std::string why) {
    part.findings.Add("bad-tile", log.name + ' ' + path, std::move(why));
  };
  TRY(const Bytes data, ReadTile(log.files(), tile));
  const auto leaves = schema::tile::ParseDataTile(data);
  if (!leaves || leaves->size() < tile.width) {
    bad(schema::tile::Path(tile), leaves ? "too few entries" : leaves.error().detail);
    part.leaf_hashes.resize(tile.width);
    part.facts.resize(tile.width);
    return part;
  }
  TRY(const Bytes file, ReadIssued(log.files(), tile));
  auto issued = schema::ParseIssued(file);
  if (!issued || issued->size() < tile.width) {
    bad(schema::IssuedPath(tile), issued ? "too few entries" : issued.error().detail);
    issued = std::vector<BytesView>(tile.width);
  }
  const std::uint64_t first = index * schema::tile::kWidth;
  for (std::size_t i = 0; i < tile.width; ++i) {
    part.leaf_hashes.push_back(schema::LeafHash((*leaves)[i].leaf));
    part.facts.push_back(log.check->Check(first + i, (*leaves)[i], (*issued)[i], part.findings));
  }
  TRY(CheckLeafHashes(log.name, log.files(), tile, part.leaf_hashes, part.findings));
  return part;
}

// The same of one bundle of the events log.
Result<EventPart> ReadEvents(const Log& log, std::uint64_t index) {
  const Tile tile = TileAt(Kind::kEntries, log.size(), index);
  EventPart part;
  TRY(const Bytes file, ReadTile(log.files(), tile));
  const auto entries = schema::tile::ParseEntryBundle(file);
  if (!entries || entries->size() < tile.width) {
    part.findings.Add("bad-tile", log.name + ' ' + schema::tile::Path(tile),
                      entries ? "too few entries" : entries.error().detail);
    part.leaf_hashes.resize(tile.width);
    return part;
  }
  for (std::size_t i = 0; i < tile.width; ++i) {
    part.leaf_hashes.push_back(schema::LeafHash((*entries)[i]));
    auto event = ReadEvent((*entries)[i]);
    if (!event) {
      part.findings.Add("bad-event",
                        log.name + ' ' + std::to_string(index * schema::tile::kWidth + i),
                        event.error().detail);
    }
    part.facts.push_back(event ? *std::move(event) : EventFacts{});
  }
  TRY(CheckLeafHashes(log.name, log.files(), tile, part.leaf_hashes, part.findings));
  return part;
}

// Takes the parts of one shard in order, and makes its tree of them.
template <class One>
class Parts {
 public:
  using Make = Result<One> (*)(const Log&, std::uint64_t);
  // `log` outlives it.
  Parts(const Log& log, std::size_t window, Make make)
      : log_(log),
        tree_(log.name, log.files(), log.size()),
        parts_(TileCount(log.size()), window,
               [&log, make](std::uint64_t index) { return make(log, index); }) {}

  // Nothing at the end, when the tree is that of the checkpoint or a finding.
  Result<std::optional<One>> Next(Findings& findings) {
    std::optional<Result<One>> next = parts_.Next();
    if (!next) {
      TRY(tree_.Finish(log_.checkpoint.body.root, findings));
      return std::optional<One>();
    }
    if (!*next) return std::move(*next).error();
    for (const Hash& hash : (*next)->leaf_hashes) TRY(tree_.Append(hash, findings));
    findings.Add(std::move((*next)->findings));
    return std::optional<One>(**std::move(next));
  }

 private:
  const Log& log_;
  TreeCheck tree_;
  Ahead<Result<One>> parts_;
};

class Audit {
 public:
  Audit(const Sources& sources, const Anchors& anchors, const Options& options,
        const Progress& progress)
      : sources_(sources), anchors_(anchors), options_(options), progress_(progress) {}

  Result<Report> Run();

 private:
  Result<std::vector<Log>> ReadCheckpoints(const std::vector<ShardSource>& sources, LogKind kind);
  Outcome SortEvents();
  Shards RowOfShards();
  Outcome Reconcile();
  // The facts of the next entry of the row. An error stays: reading is over.
  Result<EntryFacts> NextEntry();
  Outcome FinishEntries();
  void Advance(std::uint64_t count);

  const Sources& sources_;
  const Anchors& anchors_;
  const Options& options_;
  const Progress& progress_;
  std::vector<Log> certificates_, events_;
  Report report_;
  std::uint64_t done_ = 0, total_ = 0;

  std::size_t entries_of_ = 0;  // of certificates_, which the next entry is of
  std::optional<Parts<EntryPart>> entries_;
  std::vector<EntryFacts> facts_;
  std::size_t taken_ = 0;  // of facts_
};

void Audit::Advance(std::uint64_t count) {
  done_ += count;
  if (progress_) progress_(done_, total_);
}

Result<EntryFacts> Audit::NextEntry() {
  while (taken_ == facts_.size()) {
    MUST(entries_of_ < certificates_.size());
    const Log& log = certificates_[entries_of_];
    if (!entries_ && log.source->checked) entries_.emplace(log, options_.threads + 1, CheckEntries);
    std::optional<EntryPart> part;
    if (entries_) {
      TRY(part, entries_->Next(report_.findings));
    }
    if (!part) {
      entries_.reset();
      ++entries_of_;
      continue;
    }
    facts_ = std::move(part->facts);
    taken_ = 0;
    Advance(facts_.size());
  }
  return std::move(facts_[taken_++]);
}

// All entries have been taken; the trees of the last shards have not been held against their roots.
Outcome Audit::FinishEntries() {
  for (; entries_of_ < certificates_.size(); ++entries_of_) {
    const Log& log = certificates_[entries_of_];
    if (!log.source->checked) continue;
    if (!entries_) entries_.emplace(log, options_.threads + 1, CheckEntries);
    TRY(const auto part, entries_->Next(report_.findings));
    MUST(!part);
    entries_.reset();
  }
  return schema::Ok();
}

Shards Audit::RowOfShards() {
  const auto row = [](const std::vector<Log>& logs) {
    std::vector<Shard> shards;
    for (const Log& log : logs) {
      shards.push_back(
          {log.source->name, log.size(), log.checkpoint.body.root, log.source->checked});
    }
    return shards;
  };
  return {row(certificates_), row(events_), report_.findings};
}

// Both logs side by side: events drive, and entries are taken as their grants come.
Outcome Audit::Reconcile() {
  Shards shards = RowOfShards();
  std::optional<schema::Error> failed;  // of reading entries
  const auto next_entry = [&]() -> EntryFacts {
    if (failed) return {};
    auto facts = NextEntry();
    if (facts) return *std::move(facts);
    failed = std::move(facts).error();
    return {};
  };
  Reconciler reconciler(shards.size(), next_entry, report_.findings,
                        [&shards](std::uint64_t leaf) { return shards.NameOf(leaf); });
  for (const Log& log : events_) {
    Parts<EventPart> parts(log, 2, ReadEvents);
    for (std::uint64_t index = 0;;) {
      TRY(auto part, parts.Next(report_.findings));
      if (!part) break;
      for (EventFacts& event : part->facts) {
        const std::string where = log.name + ' ' + std::to_string(index++);
        if (event.type.empty()) continue;
        shards.Place(where, event);
        reconciler.Event(where, event);
        if (failed) return *std::move(failed);
      }
      index += part->leaf_hashes.size() - part->facts.size();
      Advance(part->leaf_hashes.size());
    }
  }
  reconciler.Finish();
  if (failed) return *std::move(failed);
  report_.counts = reconciler.counts();
  return FinishEntries();
}

class Stopwatch {
 public:
  Cost Stop() const { return {Clock::now() - start_, Cpu() - cpu_}; }

 private:
  static std::chrono::duration<double> Cpu() {
    timespec now{};
    MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
  const Clock::time_point start_ = Clock::now();
  const std::chrono::duration<double> cpu_ = Cpu();
};

// What `count` checks of one signature cost on all threads, from a sample of each.
Cost MeasureChecks(std::uint64_t count, std::size_t threads, const PublicKey& key) {
  constexpr std::size_t kSample = 500;
  // ECDSA-Sig-Value of r = s = 1: as much work as a right one, and wrong.
  constexpr std::uint8_t kSignature[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
  const Stopwatch watch;
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (std::size_t j = 0; j < kSample; ++j) key.Verifies(kSignature, kSignature);
    });
  }
  for (std::thread& worker : workers) worker.join();
  const Cost sample = watch.Stop();
  const double times = static_cast<double>(count) / static_cast<double>(kSample * threads);
  return {sample.took * times, sample.cpu * times};
}

Result<std::vector<Log>> Audit::ReadCheckpoints(const std::vector<ShardSource>& sources,
                                                LogKind kind) {
  const char* log = kind == LogKind::kCertificates ? kCertificates : kEvents;
  std::vector<Log> logs;
  for (const ShardSource& source : sources) {
    std::string name = ShardName(log, source.name, sources.size());
    TRY(Checkpoint checkpoint,
        ReadCheckpoint(*source.files, kind, name, anchors_, options_.quorum, report_.findings));
    logs.push_back({std::move(name), &source, std::move(checkpoint)});
  }
  return logs;
}

// A checkpoint of events says no time, its first entry does: an empty shard is the newest.
Outcome Audit::SortEvents() {
  if (events_.size() == 1) return schema::Ok();
  std::vector<std::pair<std::string, std::size_t>> order;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    std::string time = "~";
    if (events_[i].size() > 0) {
      TRY(const EventPart part, ReadEvents(events_[i], 0));
      if (!part.facts.empty()) time = part.facts.front().time;
    }
    order.emplace_back(std::move(time), i);
  }
  std::ranges::sort(order);
  std::vector<Log> sorted;
  for (const auto& [time, i] : order) sorted.push_back(std::move(events_[i]));
  events_ = std::move(sorted);
  return schema::Ok();
}

Result<Report> Audit::Run() {
  const Stopwatch watch;
  // In this order: events are entered with their entries, so a later checkpoint of the events has
  // every grant of an earlier one of the certificates.
  TRY(certificates_, ReadCheckpoints(sources_.certificates, LogKind::kCertificates));
  TRY(events_, ReadCheckpoints(sources_.events, LogKind::kEvents));
  // Tree head times rise from shard to shard.
  std::ranges::stable_sort(certificates_, {},
                           [](const Log& log) { return log.checkpoint.time_ms; });
  const bool known = !report_.findings.counts().contains("bad-checkpoint");
  if (known) TRY(SortEvents());
  for (const Log& log : certificates_) {
    if (!log.source->checked) continue;
    report_.certificates.push_back(log.Report());
    total_ += log.size();
  }
  for (const Log& log : events_) {
    report_.events.push_back(log.Report());
    total_ += log.size();
  }
  // What nobody signed says nothing of what should be there.
  if (!known) return std::move(report_);
  for (Log& log : certificates_) {
    log.check = std::make_unique<EntryCheck>(log.name, anchors_, *log.checkpoint.log, log.files(),
                                             options_.signatures);
  }
  TRY(Reconcile());
  report_.cost = watch.Stop();
  for (const Log& log : certificates_) {
    report_.signatures_checked += log.check->signatures_checked();
  }
  report_.signatures_alone = MeasureChecks(report_.signatures_checked, options_.threads,
                                           certificates_.front().checkpoint.log->key);
  return std::move(report_);
}

}  // namespace

Result<Report> Verify(const Sources& sources, const Anchors& anchors, const Options& options,
                      const Progress& progress) {
  return Audit(sources, anchors, options, progress).Run();
}

}  // namespace ca::audit
