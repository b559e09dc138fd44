// The one thread that writes: takes what waits, commits it with one fsync, hands it on.
//
// After any error of a commit nothing in memory is believed: the store is opened anew and both
// tails are read. Entries found there are unfinished (their callers were told 503, a retry finishes
// them). A failed fsync, or tails that are neither those before nor those after the commit, halt
// the log until a restart.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "ca/log/batch.h"
#include "ca/log/log.h"
#include "ca/log/pending.h"
#include "ca/log/sealer.h"
#include "ca/log/slot.h"
#include "ca/log/store.h"
#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

using OutcomeSlot = SlotPtr<schema::Outcome>;

struct EnterJob {
  PreparedGrant prepared;
  ReceiptSlot slot;
};
struct NoteJob {
  EventText event;
  OutcomeSlot slot;  // null: nobody waits, and the event is kept over a failed commit
  Basis basis = {};  // of the decision it tells of
};
// A policy, an issuers file or an issuing CA takes over: behind this, what rests on another one is
// refused.
struct AdoptJob {
  EventText event;
  Basis basis;
  std::vector<IssuingCaRow> cas;
  OutcomeSlot slot;
};
// Kept over a failed commit.
struct StoreJob {
  std::uint64_t index;
  std::optional<schema::CertDer> certificate, precertificate;
  std::optional<EventText> issued;
};
struct TreeHeadJob {
  std::vector<TreeHeadRow> rows;
  OutcomeSlot slot;
};
// Entries of the shard below `settled` have a certificate or one of these `unfinished` events.
struct SettleJob {
  std::int64_t shard;
  std::uint64_t settled;
  std::vector<std::pair<std::uint64_t, EventText>> unfinished;
  OutcomeSlot slot;
};
// Brings what is left of the write-ahead log into the database.
struct CheckpointJob {};
using Job =
    std::variant<EnterJob, NoteJob, AdoptJob, StoreJob, TreeHeadJob, SettleJob, CheckpointJob>;

struct SequencerParts {
  StoreOpener open;
  std::unique_ptr<Store> store;  // opened already, and checked to be of this configuration
  Pending& pending;
  Sealer& sealer;
  SeenMemory& seen;
  const schema::Clock& clock;
  schema::Journal& journal;
};

class Sequencer {
 public:
  // Reads and checks the tails, and takes up entries whose precertificate is missing from `first`
  // on.
  static schema::Result<std::unique_ptr<Sequencer>> Start(SequencerParts parts,
                                                          std::uint64_t first);
  ~Sequencer();  // commits what waits

  // kLogHalted, kLogUnavailable (not ready, or too many wait), else the job's slot will be given.
  // Jobs without a slot are refused only when halted.
  schema::Outcome Push(Job job);

  struct State {
    bool ready;
    bool halted;
    std::string reason;
    Tails tails;  // durable
    std::size_t queue_length;
    std::uint64_t commits;
    std::uint64_t replays, budget_refusals, budgets_reached;
    std::array<std::uint64_t, kTraitNames.size()> first_seen;
  };
  State Look() const;

 private:
  enum class Condition { kReady, kUnavailable, kHalted };
  struct Placed {
    EnterJob job;
    BatchMaker::Place place;
  };
  struct Round;

  Sequencer(SequencerParts parts, Tails tails, Edges edges, std::uint64_t first);

  void Run();
  std::vector<Job> Take();
  void Process(std::vector<Job> jobs);
  void PutBack(std::vector<Job> jobs);
  void Place(Job& job, Round& round);
  void Succeed(Round& round);
  void GiveReceipts(Round& round);
  static schema::Bytes& NewLeaf(Round& round, std::uint64_t index);
  schema::Result<Sealing> SealNew(Placed& placed, Round& round);
  schema::Result<Sealing> SealRetry(Placed& placed, Round& round);
  void Fail(Round& round, const schema::Error& error);
  void Refuse(Job& job, const schema::Error& error);
  void CountRefusal(const schema::Error& error);
  void RememberSignals(const Round& round);
  void FinishBackground(const std::vector<Job>& jobs);

  bool Recover();
  schema::Outcome TryRecover();
  schema::Outcome TakeUp();
  void Become(Condition condition, std::string reason);

  SequencerParts parts_;
  // Of the sequencer thread only.
  Edges edges_;
  std::uint64_t known_;  // certificates entries below have been given to Pending
  Basis in_force_;

  // What the last failed commit tried; whether it happened is known after reopening.
  struct Attempt {
    Tails after;
    std::vector<Job> background;
    Basis in_force;
  };
  std::optional<Attempt> attempt_;
  schema::Steady::time_point next_probe_{};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  Tails tails_;
  Condition condition_ = Condition::kReady;
  std::string reason_;
  bool stopping_ = false;
  std::uint64_t commits_ = 0;
  std::uint64_t replays_ = 0, budget_refusals_ = 0, budgets_reached_ = 0;
  std::array<std::uint64_t, kTraitNames.size()> first_seen_{};
  std::thread thread_;
};

}  // namespace ca
