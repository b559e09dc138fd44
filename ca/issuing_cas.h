// The issuing CAs of this house: the one that signs, those that will, and those that did.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ca/chain.h"
#include "ca/issuer_key.h"
#include "schema/rotation.h"

namespace ca {

extern const schema::ErrorKind kBadRotation;  // kUs: the CAs cannot live side by side

struct IssuingCa {
  schema::RotationCa terms;
  Chain chain;
  IssuerKey key;
  // When trust in its certificates ends, once it is retired: none that it signed is valid later.
  std::optional<schema::Time> until;
};

// Of the certificates log, not opened yet.
struct NextShard {
  schema::NextShard terms;
  schema::SpkiDer log_key;
};

// Never changes. Any thread.
class IssuingCas {
 public:
  // The CAs of the rotation with their chains, read from files. Each chain was valid when its CA
  // came into its state; that of the active one is valid at `now`. kBadRotation, naming the CA: its
  // chain is unfit, or has the key, key identifier or subject of another's, by which verifiers and
  // signers tell them apart; or the key of the next shard is none.
  static schema::Result<IssuingCas> Load(const schema::Config& config,
                                         const schema::Rotation& rotation, schema::Time now);
  // One, without a file. kBadChain.
  static schema::Result<IssuingCas> Of(Chain chain);

  // In order of preparation, the retired ones too; at least one.
  const std::vector<std::shared_ptr<const IssuingCa>>& all() const { return all_; }
  const IssuingCa& active() const { return *active_; }
  std::shared_ptr<const IssuingCa> shared_active() const { return active_; }
  const std::optional<NextShard>& next_shard() const { return next_shard_; }

  // By the SHA-256 of its SubjectPublicKeyInfo: the issuer_key_hash of a leaf; or null.
  const IssuingCa* Find(const schema::Hash& key_hash) const;
  // The issuer that a TBSCertificate names; or null.
  std::shared_ptr<const IssuingCa> IssuerOf(schema::BytesView tbs) const;

 private:
  IssuingCas() = default;
  schema::Outcome Add(IssuingCa ca);
  std::vector<std::shared_ptr<const IssuingCa>> all_;
  std::shared_ptr<const IssuingCa> active_;
  std::optional<NextShard> next_shard_;
};

// Those in force now. Thread-safe.
class CasInForce {
 public:
  explicit CasInForce(IssuingCas cas) : cas_(std::make_shared<const IssuingCas>(std::move(cas))) {}

  std::shared_ptr<const IssuingCas> Now() const {
    const std::lock_guard lock(mutex_);
    return cas_;
  }
  void Become(std::shared_ptr<const IssuingCas> cas) {
    const std::lock_guard lock(mutex_);
    cas_ = std::move(cas);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const IssuingCas> cas_;
};

}  // namespace ca
