// The sequencer after an error: nothing in memory is believed until the store has been read again.
#include "ca/log/place.h"
#include "ca/log/sequencer.h"
#include "ca/log/sqlite.h"
#include "schema/log/leaf.h"

namespace ca {

using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Steady;

namespace {

constexpr std::chrono::milliseconds kFirstProbe{100};
constexpr std::chrono::milliseconds kProbeEvery{1000};
constexpr std::size_t kTakeUpAtOnce = 256;

}  // namespace

void Sequencer::Become(Condition condition, std::string reason) {
  bool changed;
  {
    std::lock_guard lock(mutex_);
    changed = condition_ != condition || reason_ != reason;
    const bool first = condition_ == Condition::kReady;
    condition_ = condition;
    reason_ = reason;
    next_probe_ = Steady::now() + (first ? kFirstProbe : kProbeEvery);
  }
  if (!changed) return;
  switch (condition) {
    case Condition::kReady:
      return parts_.journal.Info("log-recovered");
    case Condition::kUnavailable:
      return parts_.journal.Warning("log-unavailable", {{"reason", reason}});
    case Condition::kHalted:
      return parts_.journal.Error("log-halted", {{"reason", reason}});
  }
}

bool Sequencer::Recover() {
  const auto done = TryRecover();
  if (done) {
    Become(Condition::kReady, "");
    return true;
  }
  const Error& error = done.error();
  const bool halted = error.Is(sqlite::kSyncFailed) || error.Is(kForked) ||
                      error.Is(kInconsistent) || error.Is(kStateGone);
  Become(halted ? Condition::kHalted : Condition::kUnavailable, error.Describe());
  return false;
}

Outcome Sequencer::TryRecover() {
  parts_.store.reset();
  TRY(parts_.store, parts_.open());
  TRY(const Tails found, parts_.store->ReadTails());
  const bool happened = attempt_ && found == attempt_->after;
  if (found != tails_ && !happened) {
    return Error{&kForked, "after a failed commit the store has tails of another writer"};
  }
  TRY(Edges edges, LoadEdges(*parts_.store, found));
  TRY(parts_.store->Probe());

  edges_ = std::move(edges);
  {
    std::lock_guard lock(mutex_);
    tails_ = found;
    if (attempt_ && !happened) {
      auto& kept = attempt_->background;
      queue_.insert(queue_.begin(), std::make_move_iterator(kept.begin()),
                    std::make_move_iterator(kept.end()));
      kept.clear();
    }
  }
  if (attempt_) FinishBackground(attempt_->background);
  if (happened) in_force_ = attempt_->in_force;
  attempt_.reset();
  return TakeUp();
}

Outcome Sequencer::TakeUp() {
  const Tail& tail = tails_.certificates;
  while (true) {
    TRY(const auto rows, parts_.store->WithoutPrecertificate(known_, kTakeUpAtOnce));
    std::vector<Pending::Entry> entries;
    for (const Unsigned& row : rows) {
      TRY(schema::Leaf leaf, schema::ParseLeaf(row.leaf));
      entries.push_back({row.index, std::move(leaf.tbs), row.certificate});
    }
    parts_.pending.TakeUp(std::move(entries), tail.size, tail.time);
    known_ = rows.size() < kTakeUpAtOnce ? tail.size : rows.back().index + 1;
    if (known_ == tail.size) return Ok();
  }
}

}  // namespace ca
