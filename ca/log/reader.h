// Reading the logs: proofs, entries, checkpoints, search. Opens its own read-only connections, so
// it works beside a running server and in the commands.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/sct.h"
#include "schema/log/tile.h"

namespace ca {

extern const schema::ErrorKind kNoSuchEntry;  // kNotFound
extern const schema::ErrorKind kBadRange;     // kCaller

enum class LogName { kCertificates, kEvents };

struct SignedTreeHead {
  schema::TreeHead head;
  schema::Signature signature;  // over TreeHeadInput; certificates only
  std::string checkpoint;       // the signed note
};

struct LogEntry {  // certificates
  std::uint64_t index;
  schema::Bytes leaf;                          // MerkleTreeLeaf
  schema::CertDer precertificate;              // empty only for entries no checkpoint covers yet
  std::optional<schema::CertDer> certificate;  // absent: outcome unknown
};

class Issuers;  // ca/log/issuers.h

struct IssuanceRow {  // search result
  std::uint64_t index;
  schema::TimeMs logged;
  std::string serial;  // hex
  std::string san, issuer, subject, request_id;
  schema::Time not_before, not_after;
  bool certificate_stored;
  std::string shard;  // of the certificates log, in which `index` counts
};

struct IssuingCaRow {
  schema::Hash key_hash;  // SHA-256 of its SubjectPublicKeyInfo: the issuer_key_hash of its leaves
  std::string name, state;                         // schema/rotation.h
  std::vector<schema::CertDer> certificates = {};  // to be kept, issuing CA first; not read back
  // Row id of an entry (store.h), before which none is of this CA; the sequencer says it when the
  // CA becomes active.
  std::optional<std::int64_t> first = std::nullopt;
};

struct Search {
  // Exact, or a prefix when it ends with '*'; empty: any.
  std::string san = {}, issuer = {}, subject = {}, serial = {}, request_id = {};
  std::optional<schema::TimeMs> since = {}, until = {};
  std::size_t count_max = 100;
  // A page, newest first: entries of the reader's shard with a smaller index, then those of the
  // shards before it.
  std::optional<std::uint64_t> before = {};
};

class Reader {
 public:
  // Of one shard of each log, by their names: those of the configuration, or one that is closed.
  // EventsOf, and Find in the shards before, do not care.
  static schema::Result<std::unique_ptr<Reader>> Open(const std::filesystem::path& state,
                                                      const std::string& certificates_shard,
                                                      const std::string& events_shard);
  virtual ~Reader() = default;

  virtual schema::Result<SignedTreeHead> LatestTreeHead(LogName log) const = 0;
  // [first, last], clamped to the published tree and to limits::kGetEntriesBytes.
  virtual schema::Result<std::vector<LogEntry>> Entries(std::uint64_t first,
                                                        std::uint64_t last) const = 0;
  virtual schema::Result<LogEntry> Entry(std::uint64_t index) const = 0;
  // Event texts [first, last], clamped likewise.
  virtual schema::Result<std::vector<std::string>> Events(std::uint64_t first,
                                                          std::uint64_t last) const = 0;
  virtual schema::Result<std::uint64_t> FindLeaf(const schema::Hash& leaf_hash) const = 0;
  virtual schema::Result<std::vector<schema::Hash>> InclusionProof(LogName log, std::uint64_t index,
                                                                   std::uint64_t size) const = 0;
  virtual schema::Result<std::vector<schema::Hash>> ConsistencyProof(
      LogName log, std::uint64_t first, std::uint64_t second) const = 0;
  virtual schema::Result<std::vector<IssuanceRow>> Find(const Search& search) const = 0;
  // Those that ca.rotation has ever named and the events log tells of; empty without it.
  virtual schema::Result<std::vector<IssuingCaRow>> IssuingCas() const = 0;
  // The granted and issued events of one certificate, as JSON texts.
  virtual schema::Result<std::vector<std::string>> EventsOf(std::uint64_t index) const = 0;
  // The octets of a tile of the published tree (ca/log/tiles.h).
  virtual schema::Result<schema::Bytes> ReadTile(LogName log,
                                                 const schema::tile::Tile& tile) const = 0;
  // Of all certificates so far.
  // The issued file of a data tile (schema/log/issued.h), with the certificates stored by now.
  virtual schema::Result<schema::Bytes> ReadIssued(const schema::tile::Tile& data) const = 0;
  virtual schema::Result<Issuers> ReadIssuers() const = 0;
};

}  // namespace ca
