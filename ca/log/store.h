// What the log keeps, as rows, and the one operation that changes it.
//
// Append is compare-and-swap: it writes a batch in one transaction if the tails in the store are
// those the batch was made from, so a second writer fails instead of forking the tree. Begin opens
// that transaction before the reads a batch is judged by. The rows are described in
// schema/sql/migrations.cc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/log/reader.h"
#include "ca/log/terms.h"
#include "ca/precertificate_signer.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/merkle.h"
#include "schema/log/sct.h"

namespace ca {

extern const schema::ErrorKind kForked;  // kBusy: the tails are not those this writer left

// One shard of each log, by its row in the store. A new store has these.
struct ShardIds {
  std::int64_t certificates = 1, events = 2;
  constexpr std::int64_t Of(LogName log) const {
    return log == LogName::kCertificates ? certificates : events;
  }
};
inline constexpr std::uint64_t kIndexMax = (std::uint64_t{1} << 40) - 1;
// `index` is at most kIndexMax.
constexpr std::int64_t RowId(std::int64_t shard, std::uint64_t index) {
  return shard << 40 | static_cast<std::int64_t>(index);
}
constexpr std::int64_t HashId(std::int64_t shard, int level, std::uint64_t index) {
  return shard << 43 | static_cast<std::int64_t>(level) << 40 | static_cast<std::int64_t>(index);
}
constexpr std::int64_t ShardOf(std::int64_t row_id) { return row_id >> 40; }
constexpr std::uint64_t IndexOf(std::int64_t row_id) {
  return static_cast<std::uint64_t>(row_id) & kIndexMax;
}
// The value of issuance.leaf.
std::int64_t LeafPrefix(const schema::Hash& leaf_hash);

struct NewShard {
  std::string name, origin;
  schema::Bytes log_key, note_key, issuer_key_hash;
  schema::TimeMs since;
};
struct ShardRow : NewShard {
  std::int64_t id = 0;
  LogName log{};
  std::uint64_t size = 0, settled = 0;     // of its tail
  schema::TimeMs time{};                   // of its newest entry, or that of the shard before
  std::optional<std::uint64_t> published;  // size of its newest tree head
};

struct Tail {
  std::uint64_t size = 0;
  schema::Hash root = schema::merkle::EmptyRoot();
  schema::TimeMs time{};
  friend bool operator==(const Tail&, const Tail&) = default;
};
struct Tails {
  Tail certificates, events;
  std::uint64_t settled = 0;  // certificates below have a certificate or an `unfinished` event
  friend bool operator==(const Tails&, const Tails&) = default;
};

struct EntryRow {
  LogName log;
  std::uint64_t index;
  schema::Bytes data;
};
struct HashRow {
  LogName log;
  schema::merkle::Frontier::Stored stored;
};
struct IssuanceRecord {
  std::uint64_t index;
  std::int64_t leaf;  // LeafPrefix
  std::string serial, san, issuer, subject, request_id;
  schema::Time not_before, not_after;
  schema::TimeMs logged;
  std::uint64_t granted;  // event index
};
struct SpentRow {
  schema::Hash token;
  schema::Hash key_hash;
  std::int64_t entry;  // row id: of the written shard or of one before
  schema::Time expires;
};
// One certificate counted by a budget.
struct ChargeRow {
  schema::Hash bucket;
  std::uint64_t number;  // within the bucket, from 1 on
  std::uint64_t index;
  schema::TimeMs at;  // never before that of a smaller number
  schema::Time expires;
};
// Kept of one issuer and kind; the oldest go first, and are news when they come back.
inline constexpr std::uint64_t kSeenMax = 16384;
// Something of an issuer's that was certified for the first time.
struct SeenRow {
  schema::Hash id, scope;
  std::uint64_t number;  // within the scope, from 1 on
  std::uint64_t index;
  TraitKind kind;  // not stored
};
// Empty parts are kept as they are; a present certificate never replaces a stored one.
struct CertificateRow {
  std::uint64_t index;
  schema::BytesView certificate, precertificate;
  std::optional<std::uint64_t> issued;  // event index
};
struct UnfinishedRow {
  std::int64_t entry;  // row id, as in SpentRow
  std::uint64_t event;
};
// How far a shard is settled that is not written any more.
struct SettledRow {
  std::int64_t shard;
  std::uint64_t settled;
};
struct TreeHeadRow {
  LogName log;
  SignedTreeHead head;
};

struct Batch {
  Tails before, after;
  std::vector<EntryRow> entries;
  std::vector<HashRow> hashes;
  std::vector<IssuanceRecord> issuances;
  std::vector<SpentRow> spent;
  std::vector<ChargeRow> charges;
  std::vector<SeenRow> seen;
  std::vector<CertificateRow> certificates;
  std::vector<UnfinishedRow> unfinished;
  std::vector<SettledRow> closed_settled;
  std::vector<TreeHeadRow> tree_heads;
  std::vector<IssuingCaRow> issuing_cas;  // new, or with another state; a stored `first` stays
  // Some spent tokens that expired before are deleted; charges too when there are new ones.
  std::optional<schema::Time> forget;
};

// A certificates entry as a retry needs it.
struct StoredEntry {
  schema::Bytes leaf;
  schema::Time not_after;
  std::optional<schema::CertDer> certificate;
  bool precertificate;
};

struct Unsigned {  // an entry without precertificate
  std::uint64_t index;
  schema::Bytes leaf;
  std::optional<schema::CertDer> certificate;
};

// For one thread at a time.
class Store {
 public:
  virtual ~Store() = default;

  // In the order they were opened. The newest one of each log is written.
  virtual schema::Result<std::vector<ShardRow>> Shards() = 0;
  // Opens a shard, which is written from now on; the one before is not any more. All that follows
  // is about the written ones, unless it takes a shard or a row id. The first of all is of
  // certificates.
  virtual schema::Outcome OpenShard(LogName log, const NewShard& shard) = 0;
  virtual ShardIds written() const = 0;
  // Keeps the chain of an issuing CA, or a precertificate's signer, for readers: of entries that
  // come, unless it is the newest kept already; of all, when it is the first of its key.
  virtual schema::Outcome KeepChain(const schema::Hash& key_hash,
                                    const std::vector<schema::CertDer>& certificates) = 0;
  virtual schema::Outcome KeepSigner(const PrecertificateSigner& signer) = 0;
  virtual schema::Result<std::vector<IssuingCaRow>> IssuingCas() = 0;
  virtual schema::Result<Tails> ReadTails() = 0;
  virtual schema::Result<std::vector<schema::Hash>> ReadHashes(std::int64_t shard, int level,
                                                               std::uint64_t first,
                                                               std::size_t count) = 0;
  // The data of an entry; nothing when there is none.
  virtual schema::Result<std::optional<schema::Bytes>> ReadData(LogName log,
                                                                std::uint64_t index) = 0;
  // One row for each key the token was used with.
  virtual schema::Result<std::vector<SpentRow>> FindSpent(const schema::Hash& token) = 0;
  struct Charge {
    std::uint64_t number;
    schema::TimeMs at;
  };
  // The newest charge of the bucket that is not newer than `number`; nothing when there is none.
  virtual schema::Result<std::optional<Charge>> FindCharge(const schema::Hash& bucket,
                                                           std::uint64_t number) = 0;
  virtual schema::Result<bool> IsSeen(const schema::Hash& id) = 0;
  // The highest number of the scope; 0 when there is none.
  virtual schema::Result<std::uint64_t> LastSeen(const schema::Hash& scope) = 0;
  // By its row id.
  virtual schema::Result<StoredEntry> ReadEntry(std::int64_t id) = 0;
  // In order of index, from `first`.
  virtual schema::Result<std::vector<Unsigned>> WithoutPrecertificate(std::uint64_t first,
                                                                      std::size_t count_max) = 0;

  // Keeps other writers out until the next Append or Cancel, and what is read the same until then.
  // sqlite::kUnavailable when another writer does not let go in 250 ms.
  virtual schema::Outcome Begin() = 0;
  virtual schema::Outcome Cancel() = 0;
  // Begins by itself when nobody did. kForked, sqlite::kUnavailable, sqlite::kSyncFailed,
  // sqlite::kBroken. After an error it is unknown whether the batch is in the store: open it anew
  // and read the tails.
  virtual schema::Outcome Append(const Batch& batch) = 0;
  // Shows that the store can be written: a commit that writes a page and changes nothing.
  virtual schema::Outcome Probe() = 0;
  // Copies what other threads left of the write-ahead log. A few milliseconds.
  virtual schema::Outcome Checkpoint() = 0;
};

using StoreOpener = std::function<schema::Result<std::unique_ptr<Store>>()>;

// Opens or creates, and migrates. `vfs` names an SQLite file layer; empty: the system's.
schema::Result<std::unique_ptr<Store>> OpenStore(const std::filesystem::path& path,
                                                 const std::string& vfs = "");

}  // namespace ca
