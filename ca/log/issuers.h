// The certificates above the precertificates of the log, each as it was when the entry was made:
// what a tile or an answer says of an entry never changes, whatever is renewed or rotated.
#pragma once

#include <vector>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"
#include "ca/precertificate_signer.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

struct Issuer {
  schema::CertDer certificate;
  schema::Hash fingerprint;  // SHA-256 of it
};

// A snapshot: read it after the entries it is asked about.
class Issuers {
 public:
  // Of entries of this shard, by its row in the store.
  static schema::Result<Issuers> Read(sqlite::Connection& connection, std::int64_t shard);

  // Above the precertificate of `entry`, up to the root: RFC 6962 3.1 precertificate_chain. It
  // starts with the Precertificate Signing Certificate if the key of one signed it, else with the
  // issuing CA. Views this. kBroken when the store has no chain of the entry's issuer.
  schema::Result<std::vector<const Issuer*>> Above(const LogEntry& entry) const;
  // Null when no chain has it.
  const Issuer* Find(const schema::Hash& fingerprint) const;
  // All there are, each once.
  std::vector<const Issuer*> All() const;
  std::vector<const Issuer*> Roots() const;

 private:
  // In force for entries from row `first` on, until the next of the same owner.
  struct Chain {
    schema::Bytes owner;  // key hash of an issuing CA; name and key id of a precertificate's signer
    std::int64_t first;   // entry.id
    std::vector<Issuer> certificates;
  };
  static const Chain* InForce(const std::vector<Chain>& chains, schema::BytesView owner,
                              std::int64_t id);

  std::int64_t shard_ = 0;
  // Each by owner, then `first`.
  std::vector<Chain> issuing_, signers_;
};

}  // namespace ca
