#include "ca/log/log.h"

#include <algorithm>

#include "ca/log/keeper.h"
#include "ca/log/mark.h"
#include "ca/log/open.h"
#include "ca/log/past.h"
#include "ca/log/pending.h"
#include "ca/log/place.h"
#include "ca/log/publisher.h"
#include "ca/log/refusals.h"
#include "ca/log/rows.h"
#include "ca/log/sealer.h"
#include "ca/log/sequencer.h"
#include "ca/log/state.h"
#include "ca/profile.h"

namespace ca {

using schema::CertDer;
using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::Steady;

const schema::ErrorKind kLogBehind{
    "log-behind", schema::Fault::kBusy,
    "too many certificates wait for their place in a checkpoint; try again"};

namespace {

constexpr std::chrono::seconds kPrecertificateWait{10};

// The event of each budget, in their order, for when this grant takes the last of it.
Result<std::vector<std::optional<EventText>>> ReachedEvents(const Grant& grant) {
  std::vector<std::optional<EventText>> out(grant.budgets.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (grant.budgets[i].limit == 1) continue;
    TRY(out[i], EventText::Make({{"type", "budget-reached"},
                                 {"budget", grant.budgets[i].text},
                                 {"rule", grant.rule},
                                 {"issuer", grant.issuer},
                                 {"subject", grant.subject},
                                 {"request_id", grant.request_id}}));
  }
  return out;
}

// What opens also creates, and a new store in the place of one that is gone would be another log.
Result<std::unique_ptr<Store>> OpenAgain(const StoreAt& open,
                                         const std::filesystem::path& database) {
  std::error_code none;
  if (std::filesystem::exists(database, none)) return open(database);
  return Error{&kStateGone, database.string() + " is not there any more"};
}

class WaitedFor final : public ReceiptTaker {
 public:
  void Give(Result<Receipt> receipt) override { slot_.Give(std::move(receipt)); }
  Result<Receipt> Wait() { return slot_.Wait(); }

 private:
  Slot<Result<Receipt>> slot_;
};

// The members are destroyed from the last to the first: reading, so that the last connection is one
// that writes and leaves no write-ahead log behind; housekeeping, then publishing, each with
// its last words through the sequencer; then the sequencer commits what waits, and the sealer signs
// it.
class LogOfStore final : public Log {
 public:
  static Result<std::unique_ptr<Log>> Open(const LogParts& parts, const StoreAt& open);

  Outcome Enter(Grant grant, ReceiptSlot slot) override;
  CertDer Finish(std::uint64_t index, CertDer certificate, const EventText& issued) override;
  Outcome Note(schema::Json event) override;
  Outcome NoteDecision(EventText event, Basis basis) override;
  Outcome Adopt(Basis basis, schema::Json event, std::vector<IssuingCaRow> cas) override;
  void Tally(std::string_view reason, std::string_view issuer) override {
    refusals_.Count(reason, issuer, clock_.Now());
  }
  const Reader& reader() const override { return *reader_; }
  const std::vector<ServedShard>& shards() const override { return served_; }
  const LogKeys& keys() const override { return keys_; }
  LogState State() const override;

 private:
  LogOfStore(const LogParts& parts, StateLock lock)
      : clock_(parts.clock),
        backlog_max_(parts.config.log.precertificate_backlog),
        lock_(std::move(lock)) {}

  Outcome StartThreads(const LogParts& parts, const StoreAt& open);
  Outcome ComparePast(const LogParts& parts, Store& store, const std::vector<ShardRow>& shards,
                      const std::vector<Opening>& openings) const;
  Outcome OpenReaders(const LogParts& parts, const std::vector<ShardRow>& shards);
  Outcome EnterOpening(const schema::LogSettings& settings, const std::vector<ShardRow>& shards);
  // Empty when precertificates keep up.
  std::string Behind() const;

  const schema::Clock& clock_;
  const std::size_t backlog_max_;
  StateLock lock_;
  LogKeys keys_;
  Pending pending_;
  Refusals refusals_;
  SeenMemory seen_;
  std::mutex late_mutex_;  // one late certificate at a time; see Finish
  std::unique_ptr<Sealer> sealer_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<Reader> reader_;
  std::vector<std::unique_ptr<Reader>> readers_;  // of shards that are closed
  std::vector<ServedShard> served_;
};

Result<std::unique_ptr<Log>> LogOfStore::Open(const LogParts& parts, const StoreAt& open) {
  TRY(StateLock lock, StateLock::Take(parts.config.state));
  std::unique_ptr<LogOfStore> log(new LogOfStore(parts, std::move(lock)));
  TRY(log->StartThreads(parts, open));
  return std::unique_ptr<Log>(std::move(log));
}

Outcome LogOfStore::StartThreads(const LogParts& parts, const StoreAt& open) {
  const std::filesystem::path database = parts.config.state / kDatabaseName;
  const schema::LogSettings& settings = parts.config.log;
  TRY(const Mark mark, ReadMark(parts.config.state));
  std::unique_ptr<Store> store;
  if (mark.empty()) {
    TRY(store, open(database));
  } else {
    TRY(store, OpenAgain(open, database));
  }
  std::vector<schema::Hash> issuers = {parts.chain.key_hash};
  issuers.insert(issuers.end(), parts.others.begin(), parts.others.end());
  // What is there is compared with what it was before anything is added to it.
  TRY(const std::vector<ShardRow> before, store->Shards());
  TRY(const std::vector<Opening> openings,
      CheckIdentity(*store, before, parts.config, issuers, parts.custody.facts(), clock_.Now()));
  TRY(CompareWithMark(*store, before, mark));
  TRY(ComparePast(parts, *store, before, openings));
  for (const Opening& opening : openings) {
    const bool follows = std::ranges::any_of(before, [&](const ShardRow& shard) {
      return opening.log == LogName::kCertificates && shard.log == opening.log;
    });
    if (follows && parts.may_open) TRY(parts.may_open(opening.shard.name));
  }
  for (const Opening& opening : openings) {
    TRY(store->OpenShard(opening.log, opening.shard));
    parts.journal.Info("log-shard-opened",
                       {{"log", std::string(NameOf(opening.log))}, {"shard", opening.shard.name}});
  }
  TRY(const std::vector<ShardRow> shards, store->Shards());
  TRY(keys_, LogKeysOf(shards, settings.certificates.shard, settings.events.shard));
  TRY(store->KeepChain(parts.chain.key_hash, parts.chain.certificates));
  if (const auto& signer = parts.chain.precertificate_signer) TRY(store->KeepSigner(*signer));
  TRY(OpenReaders(parts, shards));
  // A checkpoint covers only what has a precertificate, so none is missing below the newest one.
  std::uint64_t published = 0;
  if (const auto head = reader_->LatestTreeHead(LogName::kCertificates)) {
    published = head->head.size;
  } else if (!head.error().Is(kNoSuchEntry)) {
    return head.error();
  }
  sealer_ = std::make_unique<Sealer>(parts.custody, pending_, keys_.log_id);
  TRY(sequencer_,
      Sequencer::Start({[open, database] { return OpenAgain(open, database); }, std::move(store),
                        pending_, *sealer_, seen_, clock_, parts.journal},
                       published));
  TRY(EnterOpening(settings, shards));
  TRY(publisher_,
      Publisher::Start({parts.custody, pending_, *sequencer_, clock_, parts.journal, database,
                        WrittenOf(shards), settings.certificates.origin, settings.events.origin,
                        keys_.log_id, settings.checkpoint, parts.chain.precertificate_signer,
                        parts.watchers, parts.sender}));
  TRY(keeper_,
      Keeper::Start({pending_, *sequencer_, refusals_, clock_, parts.journal, database, shards}));
  return schema::Ok();
}

Outcome LogOfStore::OpenReaders(const LogParts& parts, const std::vector<ShardRow>& shards) {
  const std::string& certificates = parts.config.log.certificates.shard;
  const std::string& events = parts.config.log.events.shard;
  TRY(reader_, Reader::Open(parts.config.state, certificates, events));
  for (const ShardRow& shard : shards) {
    const bool of_certificates = shard.log == LogName::kCertificates;
    const Reader* reader = reader_.get();
    if (shard.name != (of_certificates ? certificates : events)) {
      TRY(readers_.emplace_back(),
          Reader::Open(parts.config.state, of_certificates ? shard.name : certificates,
                       of_certificates ? events : shard.name));
      reader = readers_.back().get();
    }
    served_.push_back(
        {shard.log, shard.name, shard.origin, schema::SpkiDer(shard.log_key), reader});
  }
  return schema::Ok();
}

// Binds a new shard to the one before, as long as it is empty. Nothing is entered before this: of
// events that are read in order, a leaf index behind it is one of the new shard. A crash between
// opening and issuing, and it is entered twice; so the events log, which this fills, goes first.
Outcome LogOfStore::EnterOpening(const schema::LogSettings& settings,
                                 const std::vector<ShardRow>& shards) {
  for (const LogName log : {LogName::kEvents, LogName::kCertificates}) {
    const bool of_certificates = log == LogName::kCertificates;
    const std::string& name = of_certificates ? settings.certificates.shard : settings.events.shard;
    const ServedShard* before = nullptr;
    for (const ServedShard& shard : served_) {
      if (shard.log == log && shard.name != name) before = &shard;
    }
    const auto written = std::ranges::find_if(
        shards, [&](const ShardRow& one) { return one.log == log && one.name == name; });
    if (before == nullptr || written->size > 0) continue;
    TRY(const SignedTreeHead last, before->reader->LatestTreeHead(log));
    TRY(Note({{"type", "log-shard-opened"},
              {"log", NameOf(log)},
              {"shard", name},
              {"before",
               {{"shard", before->name},
                {"size", last.head.size},
                {"root_sha256", schema::Hex(last.head.root)}}}}));
  }
  return schema::Ok();
}

Outcome LogOfStore::ComparePast(const LogParts& parts, Store& store,
                                const std::vector<ShardRow>& shards,
                                const std::vector<Opening>& openings) const {
  std::vector<OwnTree> trees;
  const auto add = [&trees](LogName log, const NewShard& shard, std::uint64_t size,
                            schema::merkle::HashReader read) {
    trees.push_back({log,
                     {shard.origin, schema::NoteKeyType::kEd25519, shard.note_key},
                     size,
                     std::move(read)});
  };
  for (const ShardRow& shard : shards) {
    add(shard.log, shard, shard.size,
        [&store, id = shard.id](int level, std::uint64_t first, std::size_t count) {
          return store.ReadHashes(id, level, first, count);
        });
  }
  // A shard that is about to be opened may have been here before.
  for (const Opening& opening : openings) {
    add(opening.log, opening.shard, 0, [](int, std::uint64_t, std::size_t) {
      return Result<std::vector<schema::Hash>>(std::vector<schema::Hash>());
    });
  }
  return CheckPast(parts.watchers, trees, parts.sender, parts.journal);
}

std::string LogOfStore::Behind() const {
  if (pending_.Waiting() > backlog_max_) {
    return std::to_string(pending_.Waiting()) + " precertificates wait to be signed";
  }
  const auto oldest = pending_.OldestSince();
  if (oldest && Steady::now() - *oldest > kPrecertificateWait) {
    return "a precertificate waits for longer than 10 s to be signed";
  }
  return "";
}

Outcome LogOfStore::Enter(Grant grant, ReceiptSlot slot) {
  if (std::string behind = Behind(); !behind.empty()) return Error{&kLogBehind, std::move(behind)};
  TRY(const TbsFacts facts, ReadTbs(grant.tbs.tbs()));
  TRY(auto reached, ReachedEvents(grant));
  TRY(auto traits, seen_.Prepare(grant.traits, grant.issuer, grant.request_id));
  return sequencer_->Push(EnterJob{{std::move(grant), schema::Hex(facts.serial), facts.not_before,
                                    facts.not_after, std::move(traits), std::move(reached)},
                                   std::move(slot)});
}

CertDer LogOfStore::Finish(std::uint64_t index, CertDer certificate, const EventText& issued) {
  auto kept = pending_.Finish(index, certificate, issued);
  if (!kept) {
    // The entry has left memory: its precertificate did not wait for this. Another call may have
    // brought a certificate meanwhile; it is in the store if it is not in memory, because an entry
    // leaves memory only after the commit.
    std::lock_guard lock(late_mutex_);
    kept = pending_.Finish(index, certificate, issued);
    if (!kept) {
      auto stored = reader_->Entry(index);
      if (stored && stored->certificate) return *std::move(stored->certificate);
      pending_.FinishLate(index, certificate, issued);
      kept = std::move(certificate);
    }
  }
  publisher_->Wake();
  return *std::move(kept);
}

Outcome LogOfStore::Note(schema::Json event) {
  TRY(EventText text, EventText::Make(event));
  return NoteDecision(std::move(text), {});
}

Outcome LogOfStore::NoteDecision(EventText event, Basis basis) {
  auto slot = std::make_shared<Slot<Outcome>>();
  TRY(sequencer_->Push(NoteJob{std::move(event), slot, std::move(basis)}));
  return slot->Wait();
}

Outcome LogOfStore::Adopt(Basis basis, schema::Json event, std::vector<IssuingCaRow> cas) {
  TRY(EventText text, EventText::Make(event));
  auto slot = std::make_shared<Slot<Outcome>>();
  TRY(sequencer_->Push(AdoptJob{std::move(text), std::move(basis), std::move(cas), slot}));
  return slot->Wait();
}

LogState LogOfStore::State() const {
  const Sequencer::State sequencer = sequencer_->Look();
  const Publisher::State publisher = publisher_->Look();
  LogState state{};
  state.ready = sequencer.ready;
  state.reason = sequencer.reason;
  if (state.ready) {
    state.reason = Behind();
    state.ready = state.reason.empty();
    if (!state.ready && !publisher.trouble.empty()) state.reason += ": " + publisher.trouble;
  }
  state.certificates_size = sequencer.tails.certificates.size;
  state.events_size = sequencer.tails.events.size;
  state.published_size = publisher.certificates_size;
  const auto age = std::max(clock_.Now() - publisher.time, std::chrono::milliseconds(0));
  state.checkpoint_age_seconds = std::chrono::duration<double>(age).count();
  state.precertificates_waiting = pending_.Waiting();
  state.queue_length = sequencer.queue_length;
  state.commits = sequencer.commits;
  state.entered = sealer_->entered();
  state.retried = sealer_->retried();
  state.replays = sequencer.replays;
  state.budget_refusals = sequencer.budget_refusals;
  state.budgets_reached = sequencer.budgets_reached;
  state.first_seen = sequencer.first_seen;
  state.withheld = publisher.withheld;
  state.witnesses = publisher.witnesses;
  state.shipping = publisher.shipping;
  return state;
}

}  // namespace

Result<Receipt> Log::Enter(Grant grant) {
  const auto slot = std::make_shared<WaitedFor>();
  TRY(Enter(std::move(grant), slot));
  return slot->Wait();
}

Result<std::unique_ptr<Log>> OpenLog(const LogParts& parts, const StoreAt& open) {
  return LogOfStore::Open(parts, open);
}

Result<std::unique_ptr<Log>> Log::Open(const schema::Config& config, const Chain& chain,
                                       hsm::Custody& custody, const schema::Clock& clock,
                                       schema::Journal& journal,
                                       const std::vector<schema::Hash>& others,
                                       const schema::WatcherSettings& watchers,
                                       schema::Sender* sender, const MayOpenShard& may_open) {
  return OpenLog({config, chain, custody, clock, journal, others, watchers, sender, may_open},
                 [](const std::filesystem::path& path) { return OpenStore(path); });
}

}  // namespace ca
