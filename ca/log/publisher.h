// Signs precertificates as they come, and every `interval` the heads of both trees.
//
// A checkpoint of the certificates log covers only entries whose precertificate is stored. When a
// tree has not grown there is no new checkpoint; the timestamps of tree heads rise. With witnesses
// a checkpoint is published only when their quorum has cosigned it; whoever waits for them is a
// thread of its own, so that precertificates are signed meanwhile.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ca/issuer_key.h"
#include "ca/log/pending.h"
#include "ca/log/rows.h"
#include "ca/log/sequencer.h"
#include "ca/log/shipping.h"
#include "ca/log/witnesses.h"
#include "ca/precertificate_signer.h"
#include "ca/profile.h"
#include "hsm/custody.h"
#include "schema/base/journal.h"
#include "schema/base/time.h"

namespace ca {

// kBusy: fewer witnesses than the quorum cosigned a checkpoint, which is not published
extern const schema::ErrorKind kBelowQuorum;

struct PublisherParts {
  hsm::Custody& custody;
  Pending& pending;
  Sequencer& sequencer;
  const schema::Clock& clock;
  schema::Journal& journal;
  std::filesystem::path database;
  ShardIds shards;
  std::string certificates_origin, events_origin;
  schema::Hash log_id;
  std::chrono::milliseconds interval;
  // Whose key signs precertificates; absent: the issuing key.
  std::optional<PrecertificateSigner> signer{};
  schema::WatcherSettings watchers{};
  schema::Sender* sender = nullptr;  // needed for witnesses and URLs
};

// Events:
//   checkpoint-withheld   log, size, cosignatures, quorum   once, when the quorum is lost
//   checkpoint-witnessed  log, size                         once, when it is back
//   log-contradicted      reason                            no checkpoint is published any more
class Publisher {
 public:
  // Makes up missing precertificates and publishes the first checkpoint of this run before it
  // returns; below the quorum it goes on without one. kRolledBack and kWitnessContradicts when a
  // witness knows another tree.
  static schema::Result<std::unique_ptr<Publisher>> Start(PublisherParts parts);
  ~Publisher();  // signs and stores what has a certificate, publishes once more, as far as keys
                 // allow

  // A certificate waits to be stored.
  void Wake();

  struct State {
    std::uint64_t certificates_size;  // covered by the newest checkpoint
    schema::TimeMs time;              // of it
    std::string trouble;              // why signing does not get on; empty when it does
    std::string withheld;             // why the newest checkpoint is not published; empty: it is
    std::vector<WitnessState> witnesses;
    std::vector<ShipState> shipping;
  };
  State Look() const;

 private:
  struct Published {
    std::optional<SignedTreeHead> certificates, events;
  };

  explicit Publisher(PublisherParts parts) : parts_(std::move(parts)) {}
  schema::Outcome Open();
  schema::Outcome StartWatchers();
  void Run();
  void RunPublishing();
  // Works through what can be taken now. An error: the keys are away.
  schema::Outcome SignWaiting();
  schema::Outcome SignSome(std::vector<Pending::Work> works);
  schema::Result<PrecertificateTbs> Poisoned(schema::BytesView tbs) const;
  // kSelfCheck. What the issuing key signs was checked with it once for each certificate.
  schema::Outcome Check(schema::BytesView tbs, const schema::Signature& signature) const;
  schema::Outcome Store(const Pending::Work& work, std::optional<schema::CertDer> precertificate);
  enum class Round { kFirst, kLater };
  schema::Outcome Publish(Round round);
  // Adds cosignatures, and takes out what has too few.
  schema::Outcome Witness(std::vector<TreeHeadRow>& rows, Round round);
  void NoteQuorum(const TreeHeadRow& row, std::size_t count);
  // Commits, and ships.
  schema::Outcome Commit(std::vector<TreeHeadRow> rows);
  // What was pushed before is committed, or never will be.
  void AwaitCommits();
  // Events of a start that is refused are not entered: what it found is left as it is.
  void Enter(schema::Json event);
  schema::Result<SignedTreeHead> SignCertificates(const Pending::Covered& covered);
  schema::Result<SignedTreeHead> SignEvents(const Tail& tail);
  schema::Result<schema::Signature> Sign(hsm::Purpose purpose, schema::BytesView bytes);
  // Certificates are stored even while their precertificates cannot be signed.
  void StoreCertificates();
  void Report(const schema::Outcome& outcome, std::string& trouble);

  const PublisherParts parts_;
  std::optional<IssuerKey> signer_key_;  // of parts_.signer
  // Of the publishing thread.
  std::unique_ptr<sqlite::Connection> connection_;
  std::optional<sqlite::Statement> hashes_;
  std::array<bool, 2> withheld_{};              // by LogName
  std::optional<schema::Error> contradiction_;  // that ended publishing
  mutable std::mutex mutex_;
  std::condition_variable wake_, publish_;
  Published published_;  // written by the publishing thread
  std::string precertificate_trouble_, checkpoint_trouble_;
  std::vector<schema::Json> held_;  // events, until it is open
  bool opened_ = false;
  bool woken_ = false;
  bool stopping_ = false;
  bool signed_all_ = false;  // after stopping_: nothing more will be signed
  std::unique_ptr<Shipping> shipping_;
  std::unique_ptr<Witnesses> witnesses_;
  std::thread thread_, publishing_thread_;
};

}  // namespace ca
