#include "ca/log/desk.h"

#include "ca/log/rows.h"

namespace ca {

using schema::Error;
using schema::Result;
using sqlite::Statement;

namespace {

constexpr int kBusyMilliseconds = 1000;  // a reader meets a lock only while the store is recovered

constexpr const char* kEntriesSql =
    "SELECT e.id, e.data, c.precertificate, c.certificate FROM entry e "
    "LEFT JOIN certificate c USING(id) WHERE e.id>=? AND e.id<=? ORDER BY e.id";

Error Missing(LogName log, std::uint64_t index) {
  const char* what = log == LogName::kCertificates ? "entry " : "event ";
  return Error{&sqlite::kBroken, what + std::to_string(index) + " is missing"};
}

}  // namespace

Result<std::unique_ptr<Desk>> Desk::Open(const std::filesystem::path& path, ShardIds shards) {
  auto desk = std::make_unique<Desk>();
  desk->shards = shards;
  TRY(desk->connection,
      sqlite::Connection::Open(
          path, {.write = false, .vfs = "", .busy_milliseconds = kBusyMilliseconds}));
  const std::pair<std::optional<Statement>*, const char*> texts[] = {
      {&desk->tree_head, kTreeHeadSql},
      {&desk->hashes, kHashesSql},
      {&desk->entries, kEntriesSql},
      {&desk->data, "SELECT data FROM entry WHERE id>=? AND id<=? ORDER BY id"},
      {&desk->leaf, "SELECT id FROM lookups WHERE key=?"},
      {&desk->events_of,
       "SELECT i.granted, c.issued, u.event FROM issuance i LEFT JOIN certificate c USING(id) "
       "LEFT JOIN unfinished u USING(id) WHERE i.id=?"},
  };
  for (const auto& [statement, sql] : texts) {
    TRY(*statement, desk->connection->Prepare(sql));
  }
  return desk;
}

void Desk::Clear() {
  for (auto* statement : {&tree_head, &hashes, &entries, &data, &leaf, &events_of}) {
    (*statement)->Stop();
  }
}

Result<LogEntry> Desk::EntryRow() const {
  LogEntry entry{IndexOf(entries->Integer(0)), schema::ToBytes(entries->Blob(1)), {}, {}};
  TRY(auto precertificate, ReadCertificate(*entries, 1, 2));
  if (precertificate) entry.precertificate = *std::move(precertificate);
  TRY(entry.certificate, ReadCertificate(*entries, 1, 3));
  return entry;
}

Result<SignedTreeHead> Desk::Head(LogName log) {
  TRY(auto head, ReadTreeHead(*tree_head, shards.Of(log)));
  if (!head) return Error{&kNoSuchEntry, "no checkpoint has been published"};
  return *std::move(head);
}

Result<std::vector<LogEntry>> Desk::Certificates(std::uint64_t first, std::uint64_t count,
                                                 std::size_t bytes_max) {
  MUST(count > 0);
  std::vector<LogEntry> out;
  std::size_t bytes = 0;
  entries->Start(RowId(shards.certificates, first), RowId(shards.certificates, first + count - 1));
  while (out.size() < count && bytes < bytes_max) {
    TRY(const bool row, entries->Next());
    if (!row || IndexOf(entries->Integer(0)) != first + out.size()) {
      return Missing(LogName::kCertificates, first + out.size());
    }
    TRY(out.emplace_back(), EntryRow());
    bytes += out.back().leaf.size() + out.back().precertificate.size();
  }
  return out;
}

Result<std::vector<std::string>> Desk::Events(std::uint64_t first, std::uint64_t count,
                                              std::size_t bytes_max) {
  MUST(count > 0);
  std::vector<std::string> out;
  std::size_t bytes = 0;
  data->Start(RowId(shards.events, first), RowId(shards.events, first + count - 1));
  while (out.size() < count && bytes < bytes_max) {
    TRY(const bool row, data->Next());
    if (!row) return Missing(LogName::kEvents, first + out.size());
    bytes += out.emplace_back(schema::AsText(data->Blob(0))).size();
  }
  return out;
}

}  // namespace ca
