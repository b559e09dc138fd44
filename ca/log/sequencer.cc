#include "ca/log/sequencer.h"

#include <algorithm>
#include <iterator>

#include "ca/log/place.h"
#include "ca/log/sct_of.h"
#include "ca/log/sqlite.h"
#include "schema/base/limits.h"
#include "schema/log/leaf.h"
#include "schema/rotation.h"

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::TimeMs;

const schema::ErrorKind kTokenSpent{
    "token-spent", Fault::kToken,
    "this identity token has already been used; ask for a new one and try again"};
const schema::ErrorKind kBudgetExhausted{
    "budget-exhausted", Fault::kPolicy,
    "the rule that allows this has a budget, and nothing is left of it"};
const schema::ErrorKind kLogUnavailable{"log-unavailable", Fault::kBusy,
                                        "the log cannot take entries now; try again"};
const schema::ErrorKind kPolicyMoved{"policy-changed", Fault::kBusy,
                                     "the policy has just been changed; try again"};
const schema::ErrorKind kIssuersMoved{"issuers-changed", Fault::kBusy,
                                      "the issuers have just been changed; try again"};
const schema::ErrorKind kCaMoved{"issuing-ca-changed", Fault::kBusy,
                                 "the issuing CA has just been changed; try again"};
const schema::ErrorKind kLogHalted{"log-halted", Fault::kBusy,
                                   "the log has stopped for safety; the operator has to act"};

namespace {

// A clock that steps back further than this behind the newest entry stops new entries.
constexpr std::chrono::milliseconds kClockSlack{1000};
// What nobody waits for shares the commit of what somebody waits for: so long, and so many.
constexpr std::chrono::milliseconds kCompanyWait{20};
constexpr std::size_t kCompanyMax = 64;

// What `basis` rests on that is not in force any more; null: nothing.
const schema::ErrorKind* Moved(const Basis& basis, const Basis& in_force) {
  const auto moved = [](const std::string& had, const std::string& is) {
    return !had.empty() && !is.empty() && had != is;
  };
  if (moved(basis.issuers, in_force.issuers)) return &kIssuersMoved;
  if (moved(basis.policy, in_force.policy)) return &kPolicyMoved;
  return moved(basis.ca, in_force.ca) ? &kCaMoved : nullptr;
}

bool HasSlot(const Job& job) {
  if (const auto* note = std::get_if<NoteJob>(&job)) return note->slot != nullptr;
  return !std::holds_alternative<StoreJob>(job) && !std::holds_alternative<CheckpointJob>(job);
}

}  // namespace

// One pass: the jobs taken together, and what became of each.
struct Sequencer::Round {
  BatchMaker maker;
  std::optional<Error> clock_error;
  std::vector<Placed> placed;
  // Position in the batch's entries of each new certificates entry.
  std::vector<std::size_t> entry_at;
  std::vector<OutcomeSlot> outcomes;
  std::vector<Job> background;  // without slot: kept when the commit fails
  bool checkpoint = false;
  Basis in_force;  // behind the jobs placed so far
};

Result<std::unique_ptr<Sequencer>> Sequencer::Start(SequencerParts parts, std::uint64_t first) {
  TRY(const Tails tails, parts.store->ReadTails());
  TRY(Edges edges, LoadEdges(*parts.store, tails));
  std::unique_ptr<Sequencer> sequencer(
      new Sequencer(std::move(parts), tails, std::move(edges), first));
  TRY(sequencer->TakeUp());
  sequencer->thread_ = std::thread([raw = sequencer.get()] { raw->Run(); });
  return sequencer;
}

Sequencer::Sequencer(SequencerParts parts, Tails tails, Edges edges, std::uint64_t first)
    : parts_(std::move(parts)), edges_(std::move(edges)), known_(first), tails_(tails) {}

Sequencer::~Sequencer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

Outcome Sequencer::Push(Job job) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    if (condition_ == Condition::kHalted) return Error{&kLogHalted, reason_};
    if (HasSlot(job)) {
      if (condition_ != Condition::kReady) return Error{&kLogUnavailable, reason_};
      if (stopping_) return Error{&kLogUnavailable, "stopping"};
      if (queue_.size() >= schema::limits::kSequencerQueue) {
        return Error{&kLogUnavailable, "too many entries wait for a commit"};
      }
    }
    wake = HasSlot(job) || queue_.empty() || queue_.size() >= kCompanyMax;
    queue_.push_back(std::move(job));
  }
  if (wake) wake_.notify_one();
  return Ok();
}

Sequencer::State Sequencer::Look() const {
  const TimeMs now = parts_.clock.Now();
  std::lock_guard lock(mutex_);
  State state{condition_ == Condition::kReady,
              condition_ == Condition::kHalted,
              reason_,
              tails_,
              queue_.size(),
              commits_,
              replays_,
              budget_refusals_,
              budgets_reached_,
              first_seen_};
  if (state.ready && now + kClockSlack < tails_.certificates.time) {
    state.ready = false;
    state.reason = "the clock is behind the newest entry";
  }
  return state;
}

void Sequencer::Run() {
  while (true) {
    std::vector<Job> jobs = Take();
    bool stopping, unavailable;
    {
      std::lock_guard lock(mutex_);
      stopping = stopping_;
      unavailable = condition_ == Condition::kUnavailable;
    }
    if (unavailable) {
      const bool recovered = Recover();
      if (!recovered && stopping) return;
    } else if (jobs.empty()) {
      if (stopping) return;
    } else {
      Process(std::move(jobs));
    }
  }
}

std::vector<Job> Sequencer::Take() {
  std::vector<Job> jobs;
  std::unique_lock lock(mutex_);
  switch (condition_) {
    case Condition::kReady:
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      wake_.wait_for(lock, kCompanyWait, [this] {
        return stopping_ || queue_.size() > kCompanyMax || std::ranges::any_of(queue_, HasSlot);
      });
      while (!queue_.empty() && jobs.size() < schema::limits::kCommitBatch) {
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      break;
    case Condition::kUnavailable:
      wake_.wait_until(lock, next_probe_, [this] { return stopping_; });
      break;
    case Condition::kHalted:
      wake_.wait(lock, [this] { return stopping_; });
      break;
  }
  return jobs;
}

void Sequencer::Process(std::vector<Job> jobs) {
  const TimeMs now = parts_.clock.Now();
  Round round{BatchMaker(*parts_.store, tails_, edges_, now),
              std::nullopt,
              {},
              {},
              {},
              {},
              false,
              in_force_};
  if (now + kClockSlack < tails_.certificates.time) {
    round.clock_error = Error{&kLogUnavailable, "the clock is behind the newest entry"};
  }
  // One lock for all that the grants are judged by, instead of one for every look.
  if (auto begun = parts_.store->Begin(); !begun) {
    PutBack(std::move(jobs));
    return Fail(round, begun.error());
  }
  for (Job& job : jobs) Place(job, round);
  const Outcome done =
      round.maker.empty() ? parts_.store->Cancel() : parts_.store->Append(round.maker.Close());
  if (!done) return Fail(round, done.error());
  Succeed(round);
  if (!round.checkpoint) return;
  // An error here says nothing of what was committed, but only a fresh connection is trusted.
  const auto copied = parts_.store->Checkpoint();
  if (!copied) {
    Round nothing{BatchMaker(*parts_.store, tails_, edges_, now),
                  std::nullopt,
                  {},
                  {},
                  {},
                  {},
                  false,
                  in_force_};
    Fail(nothing, copied.error());
  }
}

void Sequencer::PutBack(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  queue_.insert(queue_.begin(), std::move_iterator(jobs.begin()), std::move_iterator(jobs.end()));
}

void Sequencer::Place(Job& job, Round& round) {
  BatchMaker& maker = round.maker;
  if (auto* enter = std::get_if<EnterJob>(&job)) {
    if (round.clock_error) return enter->slot->Give(*round.clock_error);
    if (const auto* moved = Moved(enter->prepared.grant.basis, round.in_force)) {
      return Refuse(job, Error{moved, ""});
    }
    const std::size_t position = maker.batch().entries.size();
    auto place = maker.Add(enter->prepared);
    if (!place) {
      CountRefusal(place.error());
      return Refuse(job, place.error());
    }
    if (!place->retry) round.entry_at.push_back(position);
    round.placed.push_back({std::move(*enter), *place});
  } else if (auto* note = std::get_if<NoteJob>(&job)) {
    if (const auto* moved = Moved(note->basis, round.in_force)) {
      return Refuse(job, Error{moved, ""});
    }
    maker.Add(note->event);
    note->slot ? round.outcomes.push_back(note->slot) : round.background.push_back(std::move(job));
  } else if (auto* adopt = std::get_if<AdoptJob>(&job)) {
    maker.Add(adopt->event);
    if (!adopt->basis.policy.empty()) round.in_force.policy = std::move(adopt->basis.policy);
    if (!adopt->basis.issuers.empty()) round.in_force.issuers = std::move(adopt->basis.issuers);
    if (!adopt->basis.ca.empty()) round.in_force.ca = std::move(adopt->basis.ca);
    for (IssuingCaRow& row : adopt->cas) {
      if (row.state == schema::CaStateName(schema::CaState::kActive)) {
        row.first = RowId(parts_.store->written().certificates,
                          maker.batch().before.certificates.size + round.entry_at.size());
      }
      maker.batch().issuing_cas.push_back(std::move(row));
    }
    round.outcomes.push_back(adopt->slot);
  } else if (auto* store = std::get_if<StoreJob>(&job)) {
    CertificateRow row{store->index, {}, {}, std::nullopt};
    if (store->certificate) row.certificate = store->certificate->view();
    if (store->precertificate) row.precertificate = store->precertificate->view();
    if (store->issued) row.issued = maker.Add(*store->issued, store->index);
    // The row views the job's octets, which stay where they are when the job moves.
    maker.batch().certificates.push_back(row);
    round.background.push_back(std::move(job));
  } else if (auto* heads = std::get_if<TreeHeadJob>(&job)) {
    for (TreeHeadRow& row : heads->rows) maker.batch().tree_heads.push_back(std::move(row));
    round.outcomes.push_back(heads->slot);
  } else if (auto* settle = std::get_if<SettleJob>(&job)) {
    for (const auto& [index, event] : settle->unfinished) {
      maker.batch().unfinished.push_back({RowId(settle->shard, index), maker.Add(event, index)});
    }
    if (settle->shard == parts_.store->written().certificates) {
      maker.batch().after.settled = settle->settled;
    } else {
      maker.batch().closed_settled.push_back({settle->shard, settle->settled});
    }
    round.outcomes.push_back(settle->slot);
  } else {
    round.checkpoint = true;
  }
}

void Sequencer::Succeed(Round& round) {
  const Batch& batch = round.maker.batch();
  const bool wrote = !round.maker.empty();
  edges_ = round.maker.edges();
  in_force_ = round.in_force;
  std::vector<Pending::Entry> entries;
  for (const Placed& placed : round.placed) {
    if (placed.place.retry) continue;
    entries.push_back({placed.place.index(),
                       schema::TbsDer(schema::ToBytes(placed.job.prepared.grant.tbs.tbs())),
                       std::nullopt});
  }
  if (!entries.empty()) {
    const Tail& tail = batch.after.certificates;
    parts_.pending.Enter(std::move(entries), tail.size, tail.time);
    known_ = tail.size;
  }
  {
    std::lock_guard lock(mutex_);
    tails_ = batch.after;
    commits_ += wrote ? 1 : 0;
  }
  RememberSignals(round);
  GiveReceipts(round);
  // First: who waited for what was pushed before finds it done.
  FinishBackground(round.background);
  for (const OutcomeSlot& slot : round.outcomes) slot->Give(Ok());
}

void Sequencer::GiveReceipts(Round& round) {
  std::vector<Sealing> sealings;
  sealings.reserve(round.placed.size());
  // Retries first: they may copy the leaf of an entry of this round, which then moves.
  for (const bool retry : {true, false}) {
    for (Placed& placed : round.placed) {
      if (placed.place.retry != retry) continue;
      auto sealing = retry ? SealRetry(placed, round) : SealNew(placed, round);
      if (sealing) {
        sealings.push_back(*std::move(sealing));
      } else {
        placed.job.slot->Give(Error{&kLogUnavailable, sealing.error().Describe()});
      }
    }
  }
  parts_.sealer.Add(std::move(sealings));
}

schema::Bytes& Sequencer::NewLeaf(Round& round, std::uint64_t index) {
  Batch& batch = round.maker.batch();
  return batch.entries[round.entry_at[index - batch.before.certificates.size]].data;
}

Result<Sealing> Sequencer::SealNew(Placed& placed, Round& round) {
  const std::uint64_t index = placed.place.index();
  return Sealing{index,        false,        std::move(NewLeaf(round, index)),
                 std::nullopt, std::nullopt, placed.job.slot};
}

Result<Sealing> Sequencer::SealRetry(Placed& placed, Round& round) {
  const std::uint64_t index = placed.place.index();
  const bool written = ShardOf(placed.place.entry) == parts_.store->written().certificates;
  Sealing sealing{index, true, {}, std::nullopt, std::nullopt, placed.job.slot};
  if (written && index >= round.maker.batch().before.certificates.size) {
    sealing.leaf = NewLeaf(round, index);
  } else {
    auto stored = parts_.store->ReadEntry(placed.place.entry);
    if (!stored) return std::move(stored).error();
    sealing.leaf = std::move(stored->leaf);
    sealing.certificate = std::move(stored->certificate);
  }
  // The key in use has nothing to say of an entry in another tree.
  if (!written) {
    TRY(sealing.sct, SctOf(*sealing.certificate));
    return sealing;
  }
  if (auto known = parts_.pending.Find(index)) {
    sealing.sct = std::move(known->sct);
    if (known->certificate) sealing.certificate = std::move(known->certificate);
  }
  return sealing;
}

void Sequencer::FinishBackground(const std::vector<Job>& jobs) {
  for (const Job& job : jobs) {
    if (const auto* store = std::get_if<StoreJob>(&job)) {
      parts_.pending.Stored(store->index, store->certificate.has_value(),
                            store->precertificate.has_value());
    }
  }
}

void Sequencer::CountRefusal(const Error& error) {
  const bool replay = error.Is(kTokenSpent), budget = error.Is(kBudgetExhausted);
  if (!replay && !budget) return;
  std::lock_guard lock(mutex_);
  replays_ += replay ? 1 : 0;
  budget_refusals_ += budget ? 1 : 0;
}

// Of the traits, those the store knew and, after the commit, those it knows now.
void Sequencer::RememberSignals(const Round& round) {
  std::uint64_t reached = 0;
  for (const Placed& placed : round.placed) {
    if (placed.place.retry) continue;
    reached += placed.place.budgets_reached;
    for (const PreparedTrait& trait : placed.job.prepared.traits) parts_.seen.Remember(trait.id);
  }
  const auto& rows = round.maker.batch().seen;
  if (rows.empty() && reached == 0) return;
  std::lock_guard lock(mutex_);
  budgets_reached_ += reached;
  for (const SeenRow& row : rows) ++first_seen_[static_cast<std::size_t>(row.kind)];
}

void Sequencer::Refuse(Job& job, const Error& error) {
  const bool ours = error.Is(kTokenSpent) || error.Is(kBudgetExhausted) || error.Is(kPolicyMoved) ||
                    error.Is(kIssuersMoved) || error.Is(kCaMoved) || error.Is(kLogUnavailable) ||
                    error.Is(kLogHalted);
  const Error told = ours ? error : Error{&kLogUnavailable, error.Describe()};
  if (auto* enter = std::get_if<EnterJob>(&job)) enter->slot->Give(told);
  if (auto* note = std::get_if<NoteJob>(&job); note != nullptr && note->slot)
    note->slot->Give(told);
  if (auto* adopt = std::get_if<AdoptJob>(&job)) adopt->slot->Give(told);
  if (auto* heads = std::get_if<TreeHeadJob>(&job)) heads->slot->Give(told);
  if (auto* settle = std::get_if<SettleJob>(&job)) settle->slot->Give(told);
}

void Sequencer::Fail(Round& round, const Error& error) {
  attempt_ = Attempt{round.maker.batch().after, std::move(round.background), round.in_force};
  const bool halted = error.Is(sqlite::kSyncFailed) || error.Is(kForked) || error.Is(kStateGone);
  Become(halted ? Condition::kHalted : Condition::kUnavailable, error.Describe());
  const Error told{halted ? &kLogHalted : &kLogUnavailable, error.Describe()};
  for (Placed& placed : round.placed) placed.job.slot->Give(told);
  for (const OutcomeSlot& slot : round.outcomes) slot->Give(told);
  std::deque<Job> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting.swap(queue_);
    for (Job& job : waiting) {
      if (!HasSlot(job)) queue_.push_back(std::move(job));
    }
  }
  for (Job& job : waiting) Refuse(job, told);
}

}  // namespace ca
