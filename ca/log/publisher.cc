#include "ca/log/publisher.h"

#include <algorithm>
#include <limits>

#include "schema/log/checkpoint.h"

namespace ca {

using schema::CertDer;
using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::Steady;

const schema::ErrorKind kBelowQuorum{
    "checkpoint-below-quorum", schema::Fault::kBusy,
    "too few witnesses cosigned the newest checkpoint, so it is not published"};

namespace {

constexpr std::size_t kAtOnce = 32;  // precertificates in one exchange: certificates go in between
constexpr std::chrono::milliseconds kGather{10};
constexpr std::chrono::milliseconds kBackOff{500};    // after a failed signature
constexpr std::chrono::milliseconds kAskAgain{1000};  // witnesses, after too few cosigned
constexpr std::chrono::seconds kSignDeadline{10};     // off the way of any answer
constexpr std::chrono::seconds kLastWords{3};         // for signing on the way out

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::Start(PublisherParts parts) {
  std::unique_ptr<Publisher> publisher(new Publisher(std::move(parts)));
  TRY(publisher->Open());
  publisher->thread_ = std::thread([raw = publisher.get()] { raw->Run(); });
  publisher->publishing_thread_ = std::thread([raw = publisher.get()] { raw->RunPublishing(); });
  return publisher;
}

Outcome Publisher::Open() {
  if (parts_.signer) {
    TRY(signer_key_, IssuerKey::Load(parts_.signer->spki));
  }
  TRY(connection_, sqlite::Connection::Open(
                       parts_.database, {.write = false, .vfs = "", .busy_milliseconds = 1000}));
  TRY(hashes_, connection_->Prepare(kHashesSql));
  TRY(auto heads, connection_->Prepare(kTreeHeadSql));
  TRY(published_.certificates, ReadTreeHead(heads, parts_.shards.certificates));
  TRY(published_.events, ReadTreeHead(heads, parts_.shards.events));
  TRY(StartWatchers());
  while (parts_.pending.Waiting() > 0) {
    TRY(SignWaiting());
    // What was signed has left Pending once the sequencer has committed it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!parts_.sequencer.Look().ready)
      return Error{&kLogUnavailable, parts_.sequencer.Look().reason};
  }
  auto first = Publish(Round::kFirst);
  if (!first && !first.error().Is(kBelowQuorum)) return first;
  Report(first, checkpoint_trouble_);
  std::vector<schema::Json> held;
  {
    std::lock_guard lock(mutex_);
    opened_ = true;
    held.swap(held_);
  }
  for (schema::Json& event : held) Enter(std::move(event));
  return Ok();
}

Outcome Publisher::StartWatchers() {
  const auto note = [this](schema::Json event) { Enter(std::move(event)); };
  shipping_ = std::make_unique<Shipping>(
      ShippingParts{parts_.watchers.ship, parts_.sender, note, parts_.journal});
  if (parts_.watchers.witnesses.empty()) return Ok();
  MUST(parts_.sender != nullptr);
  TRY(witnesses_,
      Witnesses::Start({parts_.watchers.witnesses, parts_.watchers.quorum, *parts_.sender,
                        parts_.database, parts_.shards, note, parts_.journal}));
  return Ok();
}

Publisher::~Publisher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  {
    std::lock_guard lock(mutex_);
    signed_all_ = true;
  }
  publish_.notify_one();
  if (publishing_thread_.joinable()) publishing_thread_.join();
}

void Publisher::Enter(schema::Json event) {
  {
    std::lock_guard lock(mutex_);
    if (!opened_) {
      held_.push_back(std::move(event));
      return;
    }
  }
  auto text = EventText::Make(event);
  MUST(text);
  // Without a slot it is refused only when the log is halted, and then nothing is entered.
  (void)parts_.sequencer.Push(NoteJob{*std::move(text), nullptr});
}

void Publisher::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

Publisher::State Publisher::Look() const {
  State state{};
  state.shipping = shipping_->Look();
  if (witnesses_) state.witnesses = witnesses_->Look();
  std::lock_guard lock(mutex_);
  state.trouble = precertificate_trouble_.empty() ? checkpoint_trouble_ : precertificate_trouble_;
  state.withheld = checkpoint_trouble_;
  if (published_.certificates) {
    state.certificates_size = published_.certificates->head.size;
    state.time = published_.certificates->head.timestamp;
  }
  return state;
}

void Publisher::Run() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      const bool backing_off = !precertificate_trouble_.empty();
      // Entries whose certificate never comes wake nobody.
      const auto pause = backing_off                    ? kBackOff
                         : parts_.pending.Waiting() > 0 ? Pending::kGrace
                                                        : parts_.interval;
      wake_.wait_for(lock, pause, [&] { return stopping_ || (woken_ && !backing_off); });
      // A short rest, so that certificates signed together are taken together.
      if (woken_) wake_.wait_for(lock, kGather, [this] { return stopping_; });
      woken_ = false;
      if (stopping_) break;
    }
    Report(SignWaiting(), precertificate_trouble_);
  }
  const auto end = Steady::now() + kLastWords;
  while (SignWaiting() && parts_.pending.Waiting() > 0 && Steady::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Publisher::RunPublishing() {
  auto next = Steady::now() + parts_.interval;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (publish_.wait_until(lock, next, [this] { return signed_all_; })) break;
    }
    const Outcome published = Publish(Round::kLater);
    const bool withheld = !published && published.error().Is(kBelowQuorum);
    Report(published, checkpoint_trouble_);
    next = std::max(next + parts_.interval, Steady::now());
    if (withheld) next = std::max(next, Steady::now() + kAskAgain);
  }
  // The last checkpoint of a run covers all of it: another shard may follow in the next.
  AwaitCommits();
  Report(Publish(Round::kLater), checkpoint_trouble_);
}

void Publisher::AwaitCommits() {
  auto slot = std::make_shared<Slot<Outcome>>();
  if (parts_.sequencer.Push(TreeHeadJob{{}, slot})) static_cast<void>(slot->Wait());
}

// Journals a change only: a device that is away for an hour is one line.
void Publisher::Report(const Outcome& outcome, std::string& trouble) {
  const std::string now = outcome ? "" : outcome.error().Describe();
  bool changed;
  {
    std::lock_guard lock(mutex_);
    changed = trouble.empty() != now.empty();
    trouble = now;
  }
  if (!changed) return;
  if (now.empty()) return parts_.journal.Info("log-publishing-again");
  parts_.journal.Warning("log-not-publishing", {{"reason", now}});
}

Outcome Publisher::SignWaiting() {
  while (true) {
    std::vector<Pending::Work> works = parts_.pending.Take(kAtOnce, Steady::now());
    if (works.empty()) return Ok();
    auto signed_all = SignSome(std::move(works));
    if (!signed_all) {
      StoreCertificates();
      return signed_all;
    }
  }
}

void Publisher::StoreCertificates() {
  std::vector<Pending::Work> back;
  for (Pending::Work& work :
       parts_.pending.Take(std::numeric_limits<std::size_t>::max(), Steady::now())) {
    if (!work.certificate) {
      back.push_back(std::move(work));
    } else if (!Store(work, std::nullopt)) {
      break;  // halted: nothing more is stored, and it has been put back
    }
  }
  parts_.pending.PutBack(back);
}

Outcome Publisher::SignSome(std::vector<Pending::Work> works) {
  std::vector<schema::Bytes> poisoned(works.size());
  std::vector<schema::BytesView> inputs;
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (works[i].tbs.empty()) continue;
    auto tbs = Poisoned(works[i].tbs.view());
    if (!tbs) {
      parts_.pending.PutBack(works);
      return std::move(tbs).error();
    }
    poisoned[i] = tbs->bytes();
    inputs.push_back(poisoned[i]);
  }
  std::vector<Result<hsm::Signed>> answers;
  if (!inputs.empty()) {
    answers = parts_.custody.SignAll(hsm::Purpose::kPrecertificate, inputs,
                                     Steady::now() + kSignDeadline);
    MUST(answers.size() == inputs.size());
  }
  Outcome outcome = Ok();
  std::size_t next = 0;
  std::vector<Pending::Work> back;
  for (std::size_t i = 0; i < works.size(); ++i) {
    std::optional<CertDer> precertificate;
    if (!works[i].tbs.empty()) {
      Result<hsm::Signed>& answer = answers[next++];
      const Outcome good = answer ? Check(poisoned[i], answer->signature) : Outcome(answer.error());
      if (good) {
        precertificate = Assemble(poisoned[i], answer->signature);
      } else {
        outcome = good.error();
      }
    }
    // A certificate is stored even while its precertificate cannot be signed.
    Outcome stored = Ok();
    if (precertificate || works[i].certificate)
      stored = Store(works[i], std::move(precertificate));
    else
      back.push_back(std::move(works[i]));
    if (!stored) outcome = std::move(stored);
  }
  parts_.pending.PutBack(back);
  return outcome;
}

Result<PrecertificateTbs> Publisher::Poisoned(schema::BytesView tbs) const {
  return parts_.signer ? WithPoison(tbs, *parts_.signer) : WithPoison(tbs);
}

Outcome Publisher::Check(schema::BytesView tbs, const schema::Signature& signature) const {
  return signer_key_ ? signer_key_->Verify(tbs, signature) : Ok();
}

Outcome Publisher::Store(const Pending::Work& work, std::optional<CertDer> precertificate) {
  auto pushed = parts_.sequencer.Push(
      StoreJob{work.index, work.certificate, std::move(precertificate), work.issued});
  if (!pushed) parts_.pending.PutBack({work});
  return pushed;
}

Result<schema::Signature> Publisher::Sign(hsm::Purpose purpose, schema::BytesView bytes) {
  TRY(hsm::Signed answer, parts_.custody.Sign(purpose, bytes, Steady::now() + kSignDeadline));
  return std::move(answer.signature);
}

Outcome Publisher::Publish(Round round) {
  if (contradiction_) return *contradiction_;
  const Sequencer::State state = parts_.sequencer.Look();
  if (!state.ready) return Ok();  // the sequencer has said why
  const Pending::Covered covered = parts_.pending.Cover();
  std::vector<TreeHeadRow> rows;
  const Published& before = published_;
  // Witnesses are asked at every start, also about trees that have not grown: these may be an older
  // state, put back.
  const bool always = round == Round::kFirst && witnesses_;
  if (always || !before.certificates || covered.size > before.certificates->head.size) {
    TRY(auto head, SignCertificates(covered));
    rows.push_back({LogName::kCertificates, std::move(head)});
  }
  if (always || !before.events || state.tails.events.size > before.events->head.size) {
    TRY(auto head, SignEvents(state.tails.events));
    rows.push_back({LogName::kEvents, std::move(head)});
  }
  if (rows.empty()) return Ok();
  const Outcome witnessed = witnesses_ ? Witness(rows, round) : Ok();
  if (!rows.empty()) TRY(Commit(std::move(rows)));
  return witnessed;
}

Outcome Publisher::Commit(std::vector<TreeHeadRow> rows) {
  auto slot = std::make_shared<Slot<Outcome>>();
  TRY(parts_.sequencer.Push(TreeHeadJob{rows, slot}));
  TRY(slot->Wait());
  {
    std::lock_guard lock(mutex_);
    for (TreeHeadRow& row : rows) {
      (row.log == LogName::kCertificates ? published_.certificates : published_.events) =
          std::move(row.head);
    }
  }
  const auto note = [](const std::optional<SignedTreeHead>& head) {
    return head ? head->checkpoint : std::string();
  };
  shipping_->Ship(
      ShippedRecord(note(published_.certificates), note(published_.events), parts_.clock.Now()));
  return Ok();
}

Outcome Publisher::Witness(std::vector<TreeHeadRow>& rows, Round round) {
  const hsm::KeyFacts& facts = parts_.custody.facts();
  std::vector<Candidate> candidates;
  for (const TreeHeadRow& row : rows) {
    const bool certificates = row.log == LogName::kCertificates;
    candidates.push_back({row.log,
                          {certificates ? parts_.certificates_origin : parts_.events_origin,
                           schema::NoteKeyType::kEd25519,
                           certificates ? facts.certificates_note : facts.events_note},
                          row.head.head.size,
                          row.head.checkpoint});
  }
  const Cosigned cosigned = witnesses_->Collect(std::move(candidates));
  // What is said without proof is one witness's word against the quorum's; but a start is refused,
  // for then an older state is what it most likely speaks of.
  const auto& contradiction = cosigned.contradiction;
  if (contradiction && (contradiction->Is(kRolledBack) || round == Round::kFirst)) {
    contradiction_ = contradiction;
    rows.clear();
    const std::string reason = contradiction->Describe();
    parts_.journal.Error("log-contradicted", {{"reason", reason}});
    Enter({{"type", "log-contradicted"}, {"reason", reason}});
    return *contradiction;
  }
  std::string short_of;
  std::vector<TreeHeadRow> enough;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Cosigned::Lines& lines = cosigned.candidates[i];
    NoteQuorum(rows[i], lines.count);
    if (lines.count >= witnesses_->quorum()) {
      rows[i].head.checkpoint += lines.text;
      enough.push_back(std::move(rows[i]));
      continue;
    }
    short_of += (short_of.empty() ? "" : "; ") + std::string(NameOf(rows[i].log)) + ": " +
                std::to_string(lines.count) + " of " + std::to_string(witnesses_->quorum()) +
                " cosignatures on " + std::to_string(rows[i].head.head.size) + " entries";
  }
  rows = std::move(enough);
  if (short_of.empty()) return Ok();
  return Error{&kBelowQuorum, std::move(short_of)};
}

void Publisher::NoteQuorum(const TreeHeadRow& row, std::size_t count) {
  bool& withheld = withheld_[row.log == LogName::kCertificates ? 0 : 1];
  if (withheld == (count < witnesses_->quorum())) return;
  withheld = !withheld;
  const std::string name(NameOf(row.log));
  if (!withheld) {
    return Enter({{"type", "checkpoint-witnessed"}, {"log", name}, {"size", row.head.head.size}});
  }
  Enter({{"type", "checkpoint-withheld"},
         {"log", name},
         {"size", row.head.head.size},
         {"cosignatures", count},
         {"quorum", witnesses_->quorum()}});
}

namespace {

// RFC 6962 3.5: not before the timestamp of any SCT covered; and always after that of the head
// before.
schema::TimeMs NextTime(schema::TimeMs now, schema::TimeMs covered,
                        const std::optional<SignedTreeHead>& before) {
  schema::TimeMs time = std::max(now, covered);
  if (before) time = std::max(time, before->head.timestamp + std::chrono::milliseconds(1));
  return time;
}

}  // namespace

Result<SignedTreeHead> Publisher::SignCertificates(const Pending::Covered& covered) {
  const std::string& origin = parts_.certificates_origin;
  SignedTreeHead out;
  schema::TreeHead& head = out.head;
  head.size = covered.size;
  head.timestamp = NextTime(parts_.clock.Now(), covered.time, published_.certificates);
  TRY(head.root,
      schema::merkle::Root(head.size, ReadHashesThrough(*hashes_, parts_.shards.certificates)));
  const schema::Bytes input = schema::TreeHeadInput(head.timestamp, head.size, head.root);
  TRY(out.signature, Sign(hsm::Purpose::kTreeHead, input));
  const std::string text = schema::CheckpointText(origin, head.size, head.root);
  TRY(const schema::Signature note, Sign(hsm::Purpose::kCertificatesNote, schema::AsBytes(text)));
  const schema::BytesView note_key = parts_.custody.facts().certificates_note;
  out.checkpoint =
      text + "\n" +
      schema::SignatureLine(origin, schema::TreeHeadKeyId(origin, parts_.log_id),
                            schema::TreeHeadNoteSignature(head.timestamp, out.signature.view())) +
      schema::SignatureLine(origin, schema::Ed25519KeyId(origin, note_key), note.view());
  return out;
}

Result<SignedTreeHead> Publisher::SignEvents(const Tail& tail) {
  const std::string& origin = parts_.events_origin;
  SignedTreeHead out;
  out.head = {NextTime(parts_.clock.Now(), tail.time, published_.events), tail.size, tail.root};
  const std::string text = schema::CheckpointText(origin, tail.size, tail.root);
  TRY(const schema::Signature note, Sign(hsm::Purpose::kEventsNote, schema::AsBytes(text)));
  const schema::BytesView note_key = parts_.custody.facts().events_note;
  out.checkpoint =
      text + "\n" +
      schema::SignatureLine(origin, schema::Ed25519KeyId(origin, note_key), note.view());
  return out;
}

}  // namespace ca
