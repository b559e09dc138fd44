// Proves both logs anew, over all their shards, from their published files: trees, checkpoints,
// every entry, every event, and each against the other. Reads everything once, in order; what it
// keeps of an entry are eight octets.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ca/audit/anchors.h"
#include "ca/audit/findings.h"
#include "ca/audit/reconcile.h"
#include "ca/audit/source.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::audit {

struct ShardSource {
  std::string name;
  std::unique_ptr<Source> files;  // from the shard's base on; of certificates `issued` files too
  bool checked = true;            // of certificates: its entries, and what the events say of them
};
// All shards of each log, in any order; at least one.
struct Sources {
  std::vector<ShardSource> certificates, events;
};

struct Options {
  bool signatures = true;   // of certificates, precertificates and SCTs
  std::size_t threads = 2;  // at least 1
  std::size_t quorum = 0;   // cosignatures of known witnesses that each checkpoint has to carry
};

// By the clock, and processor time of all threads.
struct Cost {
  std::chrono::duration<double> took{}, cpu{};
};

struct LogReport {
  std::string shard, origin;
  std::uint64_t size = 0;
  schema::Hash root{};
  std::vector<std::string> witnesses;  // names of those whose cosignature verifies
};

struct Report {
  // Of each shard that was checked, in the order they were opened.
  std::vector<LogReport> certificates, events;
  Reconciler::Counts counts;
  Findings findings;
  std::uint64_t signatures_checked = 0;
  Cost cost;
  // What the same signature checks alone cost on as many threads, measured after.
  Cost signatures_alone;
};

// Entries and events done so far, and of how many; called often, on the caller's thread.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Beside what EntryCheck, Shards and Reconciler find:
//   bad-checkpoint     not signed by the log's keys: nothing else is looked at
//   too-few-witnesses
//   bad-tile           a tile's octets are not a tile, or have another number of entries
//   tile-differs       a hash tile is not made of the entries below it
//   root-differs       the entries do not make the checkpoint's root
//   bad-event
// kUnreadable: a file could not be read, so nothing is proved.
schema::Result<Report> Verify(const Sources& sources, const Anchors& anchors,
                              const Options& options, const Progress& progress);

}  // namespace ca::audit
