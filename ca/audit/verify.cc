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
Outcome CheckLeafHashes(const char* log, const Source& source, Tile tile,
                        const std::vector<Hash>& leaf_hashes, Findings& findings) {
  tile.kind = Kind::kHashes;
  TRY(const Bytes published, ReadTile(source, tile));
  bool same = published.size() >= leaf_hashes.size() * sizeof(Hash);
  for (std::size_t i = 0; same && i < leaf_hashes.size(); ++i) {
    same =
        schema::Equal(BytesView(published).subspan(i * sizeof(Hash), sizeof(Hash)), leaf_hashes[i]);
  }
  if (!same) {
    findings.Add("tile-differs", std::string(log) + ' ' + schema::tile::Path(tile),
                 "not the hashes of its entries");
  }
  return schema::Ok();
}

class Audit {
 public:
  Audit(const Sources& sources, const Anchors& anchors, const Options& options,
        const Progress& progress)
      : sources_(sources), anchors_(anchors), options_(options), progress_(progress) {}

  Result<Report> Run();

 private:
  using EntryPart = Part<EntryFacts>;
  using EventPart = Part<EventFacts>;

  Result<EntryPart> CheckEntries(std::uint64_t index, const EntryCheck& check) const;
  Result<EventPart> ReadEvents(std::uint64_t index) const;
  Outcome Reconcile(const EntryCheck& check);
  void Advance(std::uint64_t count);

  const Sources& sources_;
  const Anchors& anchors_;
  const Options& options_;
  const Progress& progress_;
  Report report_;
  std::uint64_t done_ = 0;
};

// The entries of one data tile, on a thread of its own.
Result<Audit::EntryPart> Audit::CheckEntries(std::uint64_t index, const EntryCheck& check) const {
  const Tile tile = TileAt(Kind::kData, report_.certificates.size, index);
  EntryPart part;
  const auto bad = [&part](std::string path, std::string why) {
    part.findings.Add("bad-tile", kCertificates + (' ' + std::move(path)), std::move(why));
  };
  TRY(const Bytes data, ReadTile(sources_.certificates, tile));
  const auto leaves = schema::tile::ParseDataTile(data);
  if (!leaves || leaves->size() < tile.width) {
    bad(schema::tile::Path(tile), leaves ? "too few entries" : leaves.error().detail);
    part.leaf_hashes.resize(tile.width);
    part.facts.resize(tile.width);
    return part;
  }
  TRY(const Bytes file, ReadIssued(sources_.certificates, tile));
  auto issued = schema::ParseIssued(file);
  if (!issued || issued->size() < tile.width) {
    bad(schema::IssuedPath(tile), issued ? "too few entries" : issued.error().detail);
    issued = std::vector<BytesView>(tile.width);
  }
  const std::uint64_t first = index * schema::tile::kWidth;
  for (std::size_t i = 0; i < tile.width; ++i) {
    part.leaf_hashes.push_back(schema::LeafHash((*leaves)[i].leaf));
    part.facts.push_back(check.Check(first + i, (*leaves)[i], (*issued)[i], part.findings));
  }
  TRY(CheckLeafHashes(kCertificates, sources_.certificates, tile, part.leaf_hashes, part.findings));
  return part;
}

// The same of one bundle of the events log.
Result<Audit::EventPart> Audit::ReadEvents(std::uint64_t index) const {
  const Tile tile = TileAt(Kind::kEntries, report_.events.size, index);
  EventPart part;
  TRY(const Bytes file, ReadTile(sources_.events, tile));
  const auto entries = schema::tile::ParseEntryBundle(file);
  if (!entries || entries->size() < tile.width) {
    part.findings.Add("bad-tile", kEvents + (' ' + schema::tile::Path(tile)),
                      entries ? "too few entries" : entries.error().detail);
    part.leaf_hashes.resize(tile.width);
    return part;
  }
  for (std::size_t i = 0; i < tile.width; ++i) {
    part.leaf_hashes.push_back(schema::LeafHash((*entries)[i]));
    auto event = ReadEvent((*entries)[i]);
    if (!event) {
      part.findings.Add("bad-event",
                        kEvents + (' ' + std::to_string(index * schema::tile::kWidth + i)),
                        event.error().detail);
    }
    part.facts.push_back(event ? *std::move(event) : EventFacts{});
  }
  TRY(CheckLeafHashes(kEvents, sources_.events, tile, part.leaf_hashes, part.findings));
  return part;
}

void Audit::Advance(std::uint64_t count) {
  done_ += count;
  if (progress_) progress_(done_, report_.certificates.size + report_.events.size);
}

// Both logs side by side: events drive, and entries are taken as their grants come.
Outcome Audit::Reconcile(const EntryCheck& check) {
  Findings& findings = report_.findings;
  const std::size_t window = options_.threads + 1;
  Ahead<Result<EntryPart>> entry_parts(
      TileCount(report_.certificates.size), window,
      [&](std::uint64_t index) { return CheckEntries(index, check); });
  Ahead<Result<EventPart>> event_parts(TileCount(report_.events.size), 2,
                                       [&](std::uint64_t index) { return ReadEvents(index); });
  TreeCheck entries_tree(kCertificates, sources_.certificates, report_.certificates.size);
  TreeCheck events_tree(kEvents, sources_.events, report_.events.size);

  std::vector<EntryFacts> facts;
  std::size_t taken = 0;
  std::optional<schema::Error> failed;  // of reading entries, within next_entry
  const auto next_part = [&]() -> Outcome {
    auto part = entry_parts.Next();
    MUST(part.has_value());
    if (!*part) return std::move(*part).error();
    for (const Hash& hash : (*part)->leaf_hashes) TRY(entries_tree.Append(hash, findings));
    Advance((*part)->facts.size());
    findings.Add(std::move((*part)->findings));
    facts = std::move((*part)->facts);
    taken = 0;
    return schema::Ok();
  };
  const auto next_entry = [&]() -> EntryFacts {
    if (taken == facts.size() && !failed) {
      if (auto read = next_part(); !read) failed = std::move(read).error();
    }
    if (failed) return {};
    return std::move(facts[taken++]);
  };

  Reconciler reconciler(report_.certificates.size, next_entry, findings);
  for (std::uint64_t index = 0; auto part = event_parts.Next(); index += schema::tile::kWidth) {
    if (!*part) return std::move(*part).error();
    for (const Hash& hash : (*part)->leaf_hashes) TRY(events_tree.Append(hash, findings));
    findings.Add(std::move((*part)->findings));
    for (std::size_t i = 0; i < (*part)->facts.size(); ++i) {
      if (!(*part)->facts[i].type.empty()) reconciler.Event(index + i, (*part)->facts[i]);
      if (failed) return *std::move(failed);
    }
    Advance((*part)->leaf_hashes.size());
  }
  reconciler.Finish();
  if (failed) return *std::move(failed);
  report_.counts = reconciler.counts();
  TRY(entries_tree.Finish(report_.certificates.root, findings));
  return events_tree.Finish(report_.events.root, findings);
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

Result<Report> Audit::Run() {
  const Stopwatch watch;
  // In this order: events are entered with their entries, so a later checkpoint of the events has
  // every grant of an earlier one of the certificates.
  TRY(Checkpoint certificates, ReadCheckpoint(sources_.certificates, LogKind::kCertificates,
                                              anchors_, options_.quorum, report_.findings));
  TRY(Checkpoint events, ReadCheckpoint(sources_.events, LogKind::kEvents, anchors_,
                                        options_.quorum, report_.findings));
  report_.certificates = {std::move(certificates.body.origin), certificates.body.size,
                          certificates.body.root, std::move(certificates.witnesses)};
  report_.events = {std::move(events.body.origin), events.body.size, events.body.root,
                    std::move(events.witnesses)};
  // What nobody signed says nothing of what should be there.
  if (report_.findings.counts().contains("bad-checkpoint")) return std::move(report_);
  const EntryCheck check(anchors_, *certificates.log, sources_.certificates, options_.signatures);
  TRY(Reconcile(check));
  report_.cost = watch.Stop();
  report_.signatures_checked = check.signatures_checked();
  report_.signatures_alone =
      MeasureChecks(report_.signatures_checked, options_.threads, certificates.log->key);
  return std::move(report_);
}

}  // namespace

Result<Report> Verify(const Sources& sources, const Anchors& anchors, const Options& options,
                      const Progress& progress) {
  return Audit(sources, anchors, options, progress).Run();
}

}  // namespace ca::audit
