// One entry of the certificates log against its precertificate, its certificate and the
// authorities.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ca/audit/anchors.h"
#include "ca/audit/findings.h"
#include "ca/audit/source.h"
#include "schema/base/bytes.h"
#include "schema/base/time.h"
#include "schema/log/tile.h"

namespace ca::audit {

// What other entries and the events log are held against.
struct EntryFacts {
  std::string serial;  // lower-case hexadecimal
  schema::Hash tbs_sha256{}, issuer_key_hash{};
  schema::TimeMs logged{};
  schema::Time not_after{};
  std::optional<schema::Hash> certificate_sha256;  // of the stored certificate
};

class EntryCheck {
 public:
  // What the arguments refer to outlives it. `name` is the log's in findings; `certificates` is
  // asked for precertificate signers
  // ("issuer/<SHA-256>"). Without `signatures` none is verified.
  EntryCheck(std::string name, const Anchors& anchors, const LogKey& log,
             const Source& certificates, bool signatures);

  // Finds:
  //   bad-entry                  not a leaf of ours, or of another index
  //   unknown-issuer             issuer_key_hash is of no authority known
  //   bad-precertificate         malformed, not the leaf's TBS with poison, or of another issuer
  //   bad-precertificate-signer  its certificate is missing or not the issuer's
  //   bad-certificate            malformed, or not the leaf's TBS with an SCT list
  //   bad-sct                    not this leaf's, not of this log, or its signature is wrong
  //   bad-signature              of a precertificate or certificate
  //   outside-validity           the CA's, or the entry was made after the certificate's end
  // `certificate` is empty where none is stored. Thread-safe.
  EntryFacts Check(std::uint64_t index, const schema::tile::TileLeaf& entry,
                   schema::BytesView certificate, Findings& findings) const;

  std::uint64_t signatures_checked() const { return signatures_checked_; }

 private:
  struct Work;
  struct Signer {
    schema::NameDer subject;
    std::optional<PublicKey> key;  // absent: it may not sign
    std::string why;
  };
  bool Verifies(const PublicKey& key, schema::BytesView bytes, schema::BytesView signature) const;
  void CheckPrecertificate(const Work& work) const;
  void CheckCertificate(const Work& work) const;
  std::shared_ptr<const Signer> FindSigner(const schema::Hash& fingerprint,
                                           const Authority& authority) const;
  Signer ReadSigner(const schema::Hash& fingerprint, const Authority& authority) const;

  const std::string name_;
  const Anchors& anchors_;
  const LogKey& log_;
  const Source& certificates_;
  const bool signatures_;
  mutable std::atomic<std::uint64_t> signatures_checked_{0};
  mutable std::mutex mutex_;
  // By fingerprint and the authority's key hash; guarded by mutex_.
  mutable std::map<std::pair<schema::Hash, schema::Hash>, std::shared_ptr<const Signer>> signers_;
};

}  // namespace ca::audit
