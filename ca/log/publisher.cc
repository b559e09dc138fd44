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

namespace {

constexpr std::size_t kAtOnce = 32;  // precertificates in one exchange: certificates go in between
constexpr std::chrono::milliseconds kGather{10};
constexpr std::chrono::milliseconds kBackOff{500};  // after a failed signature
constexpr std::chrono::seconds kSignDeadline{10};   // off the way of any answer
constexpr std::chrono::seconds kLastWords{3};       // for signing on the way out

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::Start(PublisherParts parts) {
  std::unique_ptr<Publisher> publisher(new Publisher(std::move(parts)));
  TRY(publisher->Open());
  publisher->thread_ = std::thread([raw = publisher.get()] { raw->Run(); });
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
  while (parts_.pending.Waiting() > 0) {
    TRY(SignWaiting());
    // What was signed has left Pending once the sequencer has committed it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!parts_.sequencer.Look().ready)
      return Error{&kLogUnavailable, parts_.sequencer.Look().reason};
  }
  return Publish();
}

Publisher::~Publisher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Publisher::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

Publisher::State Publisher::Look() const {
  std::lock_guard lock(mutex_);
  State state{
      0, {}, precertificate_trouble_.empty() ? checkpoint_trouble_ : precertificate_trouble_};
  if (published_.certificates) {
    state.certificates_size = published_.certificates->head.size;
    state.time = published_.certificates->head.timestamp;
  }
  return state;
}

void Publisher::Run() {
  auto next = Steady::now() + parts_.interval;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      const bool backing_off = !precertificate_trouble_.empty();
      // Entries whose certificate never comes wake nobody.
      const auto pause = backing_off                    ? kBackOff
                         : parts_.pending.Waiting() > 0 ? Pending::kGrace
                                                        : parts_.interval;
      const auto until = std::min(next, Steady::now() + pause);
      wake_.wait_until(lock, until, [&] { return stopping_ || (woken_ && !backing_off); });
      // A short rest, so that certificates signed together are taken together.
      if (woken_) wake_.wait_for(lock, kGather, [this] { return stopping_; });
      woken_ = false;
      if (stopping_) break;
    }
    Report(SignWaiting(), precertificate_trouble_);
    if (Steady::now() < next) continue;
    Report(Publish(), checkpoint_trouble_);
    next = std::max(next + parts_.interval, Steady::now());
  }
  const auto end = Steady::now() + kLastWords;
  while (SignWaiting() && parts_.pending.Waiting() > 0 && Steady::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // The last checkpoint of a run covers all of it: another shard may follow in the next.
  AwaitCommits();
  Report(Publish(), checkpoint_trouble_);
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

Outcome Publisher::Publish() {
  const Sequencer::State state = parts_.sequencer.Look();
  if (!state.ready) return Ok();  // the sequencer has said why
  const Pending::Covered covered = parts_.pending.Cover();
  std::vector<TreeHeadRow> rows;
  Published next = published_;
  if (!next.certificates || covered.size > next.certificates->head.size) {
    TRY(next.certificates, SignCertificates(covered));
    rows.push_back({LogName::kCertificates, *next.certificates});
  }
  if (!next.events || state.tails.events.size > next.events->head.size) {
    TRY(next.events, SignEvents(state.tails.events));
    rows.push_back({LogName::kEvents, *next.events});
  }
  if (rows.empty()) return Ok();
  auto slot = std::make_shared<Slot<Outcome>>();
  TRY(parts_.sequencer.Push(TreeHeadJob{std::move(rows), slot}));
  TRY(slot->Wait());
  std::lock_guard lock(mutex_);
  published_ = std::move(next);
  return Ok();
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
