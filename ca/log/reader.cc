#include "ca/log/reader.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "ca/log/desk.h"
#include "ca/log/issuers.h"
#include "ca/log/rows.h"
#include "ca/log/search.h"
#include "ca/log/store.h"
#include "ca/log/tiles.h"
#include "schema/base/limits.h"
#include "schema/log/leaf.h"

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Hash;
using schema::Ok;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kNoSuchEntry{"no-such-entry", Fault::kNotFound,
                                     "the log has no such entry"};
const schema::ErrorKind kBadRange{"bad-range", Fault::kCaller,
                                  "the range or search is not one this log can answer"};

namespace {

constexpr std::size_t kDesksKept = 8;  // idle connections

class StoreReader final : public Reader {
 public:
  explicit StoreReader(std::filesystem::path path) : path_(std::move(path)) {}

  // A reader that could not read at once would only say so at the first request.
  Outcome Choose(const std::string& certificates_shard, const std::string& events_shard);

  Result<SignedTreeHead> LatestTreeHead(LogName log) const override {
    TRY(const Lease desk, Take());
    return desk->Head(log);
  }
  Result<std::vector<LogEntry>> Entries(std::uint64_t first, std::uint64_t last) const override;
  Result<LogEntry> Entry(std::uint64_t index) const override;
  Result<std::vector<std::string>> Events(std::uint64_t first, std::uint64_t last) const override;
  Result<std::uint64_t> FindLeaf(const Hash& leaf_hash) const override;
  Result<std::vector<Hash>> InclusionProof(LogName log, std::uint64_t index,
                                           std::uint64_t size) const override;
  Result<std::vector<Hash>> ConsistencyProof(LogName log, std::uint64_t first,
                                             std::uint64_t second) const override;
  Result<std::vector<IssuanceRow>> Find(const Search& search) const override;
  Result<std::vector<IssuingCaRow>> IssuingCas() const override {
    TRY(const Lease desk, Take());
    return ReadIssuingCas(*desk->connection);
  }
  Result<std::vector<std::string>> EventsOf(std::uint64_t index) const override;
  Result<schema::Bytes> ReadTile(LogName log, const schema::tile::Tile& tile) const override;
  Result<schema::Bytes> ReadIssued(const schema::tile::Tile& data) const override;
  Result<Issuers> ReadIssuers() const override;

 private:
  // Gives the desk back when it goes.
  struct Return {
    const StoreReader* reader;
    void operator()(Desk* desk) const { reader->PutBack(std::unique_ptr<Desk>(desk)); }
  };
  using Lease = std::unique_ptr<Desk, Return>;

  Result<Lease> Take() const {
    std::unique_ptr<Desk> desk;
    {
      std::lock_guard lock(mutex_);
      if (!desks_.empty()) {
        desk = std::move(desks_.back());
        desks_.pop_back();
      }
    }
    if (desk == nullptr) {
      TRY(desk, Desk::Open(path_, shards_));
    }
    return Lease(desk.release(), Return{this});
  }
  void PutBack(std::unique_ptr<Desk> desk) const {
    desk->Clear();
    std::lock_guard lock(mutex_);
    if (desks_.size() < kDesksKept) desks_.push_back(std::move(desk));
  }

  static Result<std::string> EventText(Desk& desk, std::int64_t id);

  const std::filesystem::path path_;
  ShardIds shards_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Desk>> desks_;
};

// The last index of [first, last] that the published tree has.
Result<std::uint64_t> Clamp(std::uint64_t first, std::uint64_t last, std::uint64_t size) {
  if (first > last || first >= size)
    return Error{&kBadRange, "the tree has " + std::to_string(size)};
  return std::min(last, size - 1);
}

Outcome StoreReader::Choose(const std::string& certificates_shard,
                            const std::string& events_shard) {
  TRY(const std::unique_ptr<Desk> desk, Desk::Open(path_, {}));
  TRY(const std::vector<ShardRow> rows, ReadShards(*desk->connection));
  const auto choose = [&rows](LogName log, const std::string& name) -> Result<std::int64_t> {
    for (const ShardRow& row : rows) {
      if (row.log == log && row.name == name) return row.id;
    }
    return Error{&kNoSuchEntry, "the store has no shard " + name};
  };
  TRY(shards_.certificates, choose(LogName::kCertificates, certificates_shard));
  TRY(shards_.events, choose(LogName::kEvents, events_shard));
  return Ok();
}

Result<std::vector<LogEntry>> StoreReader::Entries(std::uint64_t first, std::uint64_t last) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(LogName::kCertificates));
  TRY(const std::uint64_t end, Clamp(first, last, head.head.size));
  return desk->Certificates(first, end - first + 1, schema::limits::kGetEntriesBytes);
}

Result<LogEntry> StoreReader::Entry(std::uint64_t index) const {
  if (index > kIndexMax) return Error{&kNoSuchEntry, std::to_string(index)};
  TRY(const Lease desk, Take());
  const std::int64_t id = RowId(shards_.certificates, index);
  TRY(const bool row, desk->entries->Start(id, id).Next());
  if (!row) return Error{&kNoSuchEntry, std::to_string(index)};
  return desk->EntryRow();
}

Result<std::vector<std::string>> StoreReader::Events(std::uint64_t first,
                                                     std::uint64_t last) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(LogName::kEvents));
  TRY(const std::uint64_t end, Clamp(first, last, head.head.size));
  return desk->Events(first, end - first + 1, schema::limits::kGetEntriesBytes);
}

Result<schema::Bytes> StoreReader::ReadTile(LogName log, const schema::tile::Tile& tile) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(log));
  return ca::ReadTile(*desk, log, tile, head.head.size);
}

Result<schema::Bytes> StoreReader::ReadIssued(const schema::tile::Tile& data) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(LogName::kCertificates));
  return ca::ReadIssued(*desk, data, head.head.size);
}

Result<Issuers> StoreReader::ReadIssuers() const {
  TRY(const Lease desk, Take());
  return Issuers::Read(*desk->connection, shards_.certificates);
}

Result<std::uint64_t> StoreReader::FindLeaf(const Hash& leaf_hash) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(LogName::kCertificates));
  desk->leaf->Start(LeafPrefix(leaf_hash));
  while (true) {
    TRY(const bool row, desk->leaf->Next());
    if (!row) return Error{&kNoSuchEntry, "no leaf with this hash"};
    const std::int64_t id = desk->leaf->Integer(0);
    const std::uint64_t index = IndexOf(id);
    if (ShardOf(id) != shards_.certificates || index >= head.head.size) continue;
    TRY(const auto hashes, ReadHashesThrough(*desk->hashes, shards_.certificates)(0, index, 1));
    if (hashes.front() == leaf_hash) return index;
  }
}

Result<std::vector<Hash>> StoreReader::InclusionProof(LogName log, std::uint64_t index,
                                                      std::uint64_t size) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(log));
  if (size > head.head.size || index >= size) {
    return Error{&kBadRange, "the tree has " + std::to_string(head.head.size)};
  }
  return schema::merkle::InclusionProof(index, size,
                                        ReadHashesThrough(*desk->hashes, shards_.Of(log)));
}

Result<std::vector<Hash>> StoreReader::ConsistencyProof(LogName log, std::uint64_t first,
                                                        std::uint64_t second) const {
  TRY(const Lease desk, Take());
  TRY(const SignedTreeHead head, desk->Head(log));
  if (first > second || second > head.head.size) {
    return Error{&kBadRange, "the tree has " + std::to_string(head.head.size)};
  }
  return schema::merkle::ConsistencyProof(first, second,
                                          ReadHashesThrough(*desk->hashes, shards_.Of(log)));
}

Result<std::vector<IssuanceRow>> StoreReader::Find(const Search& search) const {
  TRY(const Lease desk, Take());
  return FindIssuances(*desk->connection, search, shards_.certificates);
}

Result<std::string> StoreReader::EventText(Desk& desk, std::int64_t id) {
  TRY(const bool row, desk.data->Start(id, id).Next());
  if (!row) return Error{&sqlite::kBroken, "event " + std::to_string(IndexOf(id)) + " is missing"};
  return std::string(schema::AsText(desk.data->Blob(0)));
}

Result<std::vector<std::string>> StoreReader::EventsOf(std::uint64_t index) const {
  if (index > kIndexMax) return Error{&kNoSuchEntry, std::to_string(index)};
  TRY(const Lease desk, Take());
  TRY(const bool row, desk->events_of->Start(RowId(shards_.certificates, index)).Next());
  if (!row) return Error{&kNoSuchEntry, std::to_string(index)};
  std::vector<std::int64_t> events;
  for (int column = 0; column < 3; ++column) {
    if (!desk->events_of->IsNull(column)) {
      events.push_back(EventId(desk->events_of->Integer(column)));
    }
  }
  std::ranges::sort(events);
  std::vector<std::string> texts;
  for (const std::int64_t event : events) {
    TRY(texts.emplace_back(), EventText(*desk, event));
  }
  return texts;
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::Open(const std::filesystem::path& state,
                                             const std::string& certificates_shard,
                                             const std::string& events_shard) {
  auto reader = std::make_unique<StoreReader>(state / kDatabaseName);
  TRY(reader->Choose(certificates_shard, events_shard));
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace ca
