// The two logs behind one door: enter, finish, note, read.
//
// Nothing else writes the store. One sequencer thread owns the tails of both logs: it takes what is
// waiting (at most limits::kCommitBatch), assigns indexes, checks token ids, commits once with one
// fsync, has the SCTs signed (off its own thread) and wakes each waiter by itself. A publisher
// thread signs precertificates and tree heads and writes checkpoints. All members are thread-safe.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/chain.h"
#include "ca/linted.h"
#include "ca/log/event.h"
#include "ca/log/reader.h"
#include "ca/log/terms.h"
#include "ca/log/watch_state.h"
#include "hsm/custody.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/send.h"
#include "schema/base/time.h"
#include "schema/config.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"
#include "schema/watcher_settings.h"

namespace ca {

// kToken: the token was used, with as many other keys as it may be, or its certificate has ended
extern const schema::ErrorKind kTokenSpent;
// kPolicy: a budget of the grant has nothing left; the detail is the budget's text
extern const schema::ErrorKind kBudgetExhausted;
// kBusy: disk full, database locked, commit failed, queue full, clock behind the newest entry
extern const schema::ErrorKind kLogUnavailable;
// kBusy: a failed fsync or an inconsistent tail; needs a restart
extern const schema::ErrorKind kLogHalted;
// kBusy: too many precertificates wait to be signed, or one for too long
extern const schema::ErrorKind kLogBehind;
// kBusy: the decision is of a policy that is no longer the one in force; decide again
extern const schema::ErrorKind kPolicyMoved;
// kBusy: the token was verified under issuers that are no longer those in force; verify it again
extern const schema::ErrorKind kIssuersMoved;
// kBusy: another issuing CA signs now; write the certificate for that one
extern const schema::ErrorKind kCaMoved;
// kUs: the state directory does not fit the configuration, or is in use
extern const schema::ErrorKind kBadState;

// What a decision rests on: files, by their digests (schema::TextDigest). Empty in a decision:
// it does not rest on that file. Empty in what is in force: none was adopted in this run yet.
struct Basis {
  std::string policy = {};
  std::string issuers = {};
  // Of the issuing CA: the key hash in hexadecimal.
  std::string ca = {};
};

// One certificate to enter. `event` is the granted event without what only the sequencer knows
// (time, leaf index).
struct Grant {
  Linted tbs;
  schema::Hash issuer_key_hash;          // SHA-256 of the issuing CA's SPKI, for the leaf
  std::optional<schema::Hash> token_id;  // Identity::token_id
  // The spent token is remembered at least until then, and until NotAfter.
  schema::Time token_expires;
  schema::Hash key_hash;                         // SHA-256 of the subject's SPKI
  std::string san, issuer, subject, request_id;  // search columns
  std::string rule;                              // that allowed it
  EventText event;
  Basis basis = {};
  // How many keys the token may be used with, each for one certificate.
  std::size_t per_token = 1;
  // This certificate is counted by each, or refused by one. Who takes the last one of a budget of
  // several makes a `budget-reached` event.
  std::vector<Budget> budgets = {};
  std::vector<Trait> traits = {};  // whose first appearance becomes a `first-seen` event
};

// Proof that the entry is durable. Made only by Log::Enter.
class Receipt {
 public:
  std::uint64_t index() const { return index_; }
  bool retry() const { return retry_; }  // an entry made earlier, by the same token and key
  // The logged TBS; on a retry that of the first time.
  schema::BytesView tbs() const { return tbs_.view(); }
  const schema::Sct& sct() const { return sct_; }
  const std::optional<schema::CertDer>& certificate() const {
    return certificate_;
  }  // stored already (retry)

 private:
  friend class ReceiptMaker;
  Receipt() = default;
  std::uint64_t index_ = 0;
  bool retry_ = false;
  schema::TbsDer tbs_;
  schema::Sct sct_;
  std::optional<schema::CertDer> certificate_;
};

// Takes what one Enter comes to.
class ReceiptTaker {
 public:
  virtual ~ReceiptTaker() = default;
  // Once, on a thread of the log's; does not block.
  virtual void Give(schema::Result<Receipt> receipt) = 0;
};
using ReceiptSlot = std::shared_ptr<ReceiptTaker>;

struct LogState {
  bool ready;
  std::string reason;                            // why not
  std::uint64_t certificates_size, events_size;  // entries durable
  std::uint64_t published_size;                  // certificates covered by the newest checkpoint
  double checkpoint_age_seconds;
  std::size_t precertificates_waiting;
  std::size_t queue_length;
  std::uint64_t commits;
  // Since the start. Each receipt without a certificate is leave to have one signed: `entered` for
  // new entries, `retried` for those given out again.
  std::uint64_t entered = 0, retried = 0;
  std::uint64_t replays = 0, budget_refusals = 0, budgets_reached = 0;
  std::array<std::uint64_t, kTraitNames.size()> first_seen = {};  // by TraitKind
  std::string withheld;  // why the newest checkpoint is not published; empty: it is
  std::vector<WitnessState> witnesses;
  std::vector<ShipState> shipping;
};

// A shard that is closed.
struct FormerShard {
  LogName log;
  std::string name, origin;
  schema::SpkiDer log_key;  // certificates only
  schema::Bytes note_key;
  schema::TimeMs since, until;  // no SCT of its key is before or after
};
struct LogKeys {
  schema::SpkiDer log_key;                               // P-256
  schema::Hash log_id;                                   // SHA-256 of it
  schema::Bytes certificates_note_key, events_note_key;  // Ed25519, 32 octets
  schema::TimeMs since;  // the shard's first start: validFor.start of trust documents is before it
  std::vector<FormerShard> former;  // oldest first
};

// A shard that can be read: the written ones and those that are closed.
struct ServedShard {
  LogName log;
  std::string name, origin;
  schema::SpkiDer log_key;  // certificates only
  const Reader* reader;
};

// Whether the next shard of certificates, of this name, may be opened now; empty: it may.
using MayOpenShard = std::function<schema::Outcome(const std::string& shard)>;

class Log {
 public:
  // Opens or creates <state>/chancery.db, takes <state>/lock, checks that shards, origins and keys
  // are those of earlier runs, re-reads the tails, compares them with what witnesses and shipped
  // checkpoints say (past.h), opens a new shard where one is wanted (state.h), makes up missing
  // precertificates, publishes a checkpoint, starts the threads. `chain` is that of the active
  // issuing CA, `others` the key hashes of all others. `sender`, for witnesses and URLs of
  // log.ship, outlives the log. `may_open` is asked before a shard of certificates follows another.
  static schema::Result<std::unique_ptr<Log>> Open(
      const schema::Config& config, const Chain& chain, hsm::Custody& custody,
      const schema::Clock& clock, schema::Journal& journal,
      const std::vector<schema::Hash>& others = {}, const schema::WatcherSettings& watchers = {},
      schema::Sender* sender = nullptr, const MayOpenShard& may_open = {});
  virtual ~Log() = default;  // commits what waits, stops

  // The slot is given the receipt when the entry is durable and its SCT signed, or why not; nothing
  // after an error that is returned.
  virtual schema::Outcome Enter(Grant grant, ReceiptSlot slot) = 0;
  // The same, blocking.
  schema::Result<Receipt> Enter(Grant grant);
  // The certificate of an entry has been signed: its precertificate is signed and both are stored,
  // with the event `issued`, soon, off the caller's way. Until then Enter gives it
  // to retries from memory. The first certificate of an index wins: the return value is the one
  // kept, for the caller to hand out, so that concurrent retries of one token all get the same
  // certificate.
  virtual schema::CertDer Finish(std::uint64_t index, schema::CertDer certificate,
                                 const EventText& issued) = 0;
  // Enters an event and blocks until it is durable.
  virtual schema::Outcome Note(schema::Json event) = 0;
  // The same of a decision: kPolicyMoved or kIssuersMoved when what it rests on is not in force.
  virtual schema::Outcome NoteDecision(EventText event, Basis basis) = 0;
  // A barrier: enters the event of a file's loading and puts what `basis` names in force in the
  // same commit. What rests on another text of that file is entered before that event, or refused
  // with kPolicyMoved, kIssuersMoved or kCaMoved. Until the first call of a run nothing is
  // compared. After an error the text may be in force all the same, so whoever gets one calls
  // again. `cas` are stored in the same commit.
  virtual schema::Outcome Adopt(Basis basis, schema::Json event,
                                std::vector<IssuingCaRow> cas = {}) = 0;
  // Counts a refusal that nobody vouches for, or a repeated one; it appears in the events log as
  // one summary a minute for each (reason, issuer). Does not block; memory is bounded.
  virtual void Tally(std::string_view reason, std::string_view issuer) = 0;

  virtual const Reader& reader() const = 0;                    // of the written shards
  virtual const std::vector<ServedShard>& shards() const = 0;  // in the order they were opened
  virtual const LogKeys& keys() const = 0;
  virtual LogState State() const = 0;
};

}  // namespace ca
