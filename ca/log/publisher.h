// Signs precertificates as they come, and every `interval` the heads of both trees.
//
// A checkpoint of the certificates log covers only entries whose precertificate is stored. When a
// tree has not grown there is no new checkpoint; the timestamps of tree heads rise.
#pragma once

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
#include "ca/precertificate_signer.h"
#include "ca/profile.h"
#include "hsm/custody.h"
#include "schema/base/journal.h"
#include "schema/base/time.h"

namespace ca {

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
};

class Publisher {
 public:
  // Makes up missing precertificates and publishes the first checkpoint of this run before it
  // returns.
  static schema::Result<std::unique_ptr<Publisher>> Start(PublisherParts parts);
  ~Publisher();  // signs and stores what has a certificate, publishes once more, as far as keys
                 // allow

  // A certificate waits to be stored.
  void Wake();

  struct State {
    std::uint64_t certificates_size;  // covered by the newest checkpoint
    schema::TimeMs time;              // of it
    std::string trouble;              // why signing does not get on; empty when it does
  };
  State Look() const;

 private:
  struct Published {
    std::optional<SignedTreeHead> certificates, events;
  };

  explicit Publisher(PublisherParts parts) : parts_(std::move(parts)) {}
  schema::Outcome Open();
  void Run();
  // Works through what can be taken now. An error: the keys are away.
  schema::Outcome SignWaiting();
  schema::Outcome SignSome(std::vector<Pending::Work> works);
  schema::Result<PrecertificateTbs> Poisoned(schema::BytesView tbs) const;
  // kSelfCheck. What the issuing key signs was checked with it once for each certificate.
  schema::Outcome Check(schema::BytesView tbs, const schema::Signature& signature) const;
  schema::Outcome Store(const Pending::Work& work, std::optional<schema::CertDer> precertificate);
  schema::Outcome Publish();
  // What was pushed before is committed, or never will be.
  void AwaitCommits();
  schema::Result<SignedTreeHead> SignCertificates(const Pending::Covered& covered);
  schema::Result<SignedTreeHead> SignEvents(const Tail& tail);
  schema::Result<schema::Signature> Sign(hsm::Purpose purpose, schema::BytesView bytes);
  // Certificates are stored even while their precertificates cannot be signed.
  void StoreCertificates();
  void Report(const schema::Outcome& outcome, std::string& trouble);

  const PublisherParts parts_;
  std::optional<IssuerKey> signer_key_;             // of parts_.signer
  std::unique_ptr<sqlite::Connection> connection_;  // publisher thread only, as the next two
  std::optional<sqlite::Statement> hashes_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Published published_;
  std::string precertificate_trouble_, checkpoint_trouble_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ca
