// Makes one batch: assigns indexes, checks token ids, builds leaves and events. No thread, no
// commit.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ca/log/budget_book.h"
#include "ca/log/event.h"
#include "ca/log/log.h"
#include "ca/log/seen.h"
#include "ca/log/store.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/merkle.h"

namespace ca {

extern const schema::ErrorKind
    kInconsistent;  // kUs: entries, hashes and tail contradict each other

// The growing edges of both trees.
struct Edges {
  schema::merkle::Frontier certificates, events;
};
// Reads the edges of the stored trees and checks them: each root is that of the tail, the last
// 256 entries have their leaf hashes, nothing lies beyond the tail. Used at start and after a
// failed commit.
schema::Result<Edges> LoadEdges(Store& store, const Tails& tails);

// A Grant with what can be made of it before its turn comes.
struct PreparedGrant {
  Grant grant;
  std::string serial;  // lower-case hexadecimal
  schema::Time not_before, not_after;
  std::vector<PreparedTrait> traits;
  // `budget-reached`, for when this grant takes the last of its budget: for each of grant.budgets.
  // None for a budget of one, which every certificate reaches.
  std::vector<std::optional<EventText>> reached;
};

class BatchMaker {
 public:
  BatchMaker(Store& store, const Tails& tails, const Edges& edges, schema::TimeMs now);

  struct Place {
    std::int64_t entry;  // row id; of a retry perhaps in a shard that is closed
    bool retry;
    std::size_t budgets_reached = 0;
    std::uint64_t index() const { return IndexOf(entry); }
  };
  // kTokenSpent, kBudgetExhausted, or an error of the store; then nothing was added. Moves the
  // search columns out of `prepared`, keeps its TBS.
  schema::Result<Place> Add(PreparedGrant& prepared);
  // The event's index.
  std::uint64_t Add(const EventText& event, std::optional<std::uint64_t> leaf_index = std::nullopt);

  bool empty() const;
  // For rows that need no index.
  Batch& batch() { return batch_; }
  const Batch& batch() const { return batch_; }
  // Fixes the tails after. The edges after are those of edges().
  Batch& Close();
  const Edges& edges() const { return edges_; }

 private:
  schema::Result<std::optional<Place>> FindRetry(const Grant& grant);
  // The positions in grant.budgets of those that this grant takes the last of.
  schema::Result<std::vector<std::size_t>> CheckBudgets(const Grant& grant);
  schema::Result<std::vector<PreparedTrait*>> FindNovel(std::vector<PreparedTrait>& traits);
  void AddNovel(const std::vector<PreparedTrait*>& novel, std::uint64_t index);
  void Append(LogName log, std::uint64_t index, schema::Bytes data, const schema::Hash& leaf);

  Store& store_;
  const std::int64_t shard_;  // of certificates, the written one
  const schema::TimeMs now_;  // the clock's
  // Of new entries: never before that of the newest one. Each log has its own, so that a clock that
  // was ahead while only events were entered does not reach into an SCT.
  const schema::TimeMs certificates_time_, events_time_;
  Edges edges_;
  Batch batch_;
  std::multimap<schema::Hash, std::size_t> spent_here_;  // token → positions in batch_.spent
  BudgetBook budgets_;
  std::set<schema::Hash> seen_here_;
  std::map<schema::Hash, std::uint64_t> last_seen_;  // scope → its highest number
  std::vector<schema::merkle::Frontier::Stored> stored_;
};

}  // namespace ca
