#include "ca/log/rows.h"

#include "ca/log/kept.h"

namespace ca {

using schema::Error;
using schema::Hash;
using schema::Result;

Result<std::optional<schema::CertDer>> ReadCertificate(const sqlite::Statement& row, int leaf,
                                                       int column) {
  if (row.IsNull(column)) return std::optional<schema::CertDer>();
  TRY(schema::CertDer certificate, Restore(row.Blob(leaf), row.Blob(column)));
  return std::optional(std::move(certificate));
}

Result<std::vector<IssuingCaRow>> ReadIssuingCas(sqlite::Connection& connection) {
  TRY(sqlite::Statement read,
      connection.Prepare("SELECT key_hash, name, state, first FROM issuing_ca "
                         "ORDER BY rowid"));
  std::vector<IssuingCaRow> rows;
  while (true) {
    TRY(const bool row, read.Next());
    if (!row) return rows;
    TRY(const schema::Hash key_hash, ToHash(read.Blob(0)));
    IssuingCaRow ca{key_hash, std::string(read.Text(1)), std::string(read.Text(2))};
    if (!read.IsNull(3)) ca.first = read.Unsigned(3);
    rows.push_back(std::move(ca));
  }
}

Result<Hash> ToHash(schema::BytesView bytes) {
  Hash hash;
  if (bytes.size() != hash.size()) return Error{&sqlite::kBroken, "a hash is not 32 octets"};
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}
schema::Time FromSeconds(std::int64_t seconds) {
  return schema::Time(std::chrono::seconds(seconds));
}
schema::TimeMs FromMs(std::int64_t milliseconds) {
  return schema::TimeMs(std::chrono::milliseconds(milliseconds));
}

schema::merkle::HashReader ReadHashesThrough(sqlite::Statement& statement, LogName log) {
  return [&statement, log](int level, std::uint64_t first,
                           std::size_t count) -> Result<std::vector<Hash>> {
    std::vector<Hash> hashes;
    hashes.reserve(count);
    const std::int64_t id = HashId(log, level, first);
    statement.Start(id, id + static_cast<std::int64_t>(count));
    while (true) {
      TRY(const bool row, statement.Next());
      if (!row) break;
      TRY(hashes.emplace_back(), ToHash(statement.Blob(0)));
    }
    if (hashes.size() != count) return Error{&sqlite::kBroken, "a Merkle hash is missing"};
    return hashes;
  };
}

Result<std::optional<SignedTreeHead>> ReadTreeHead(sqlite::Statement& statement, LogName log) {
  TRY(const bool row, statement.Start(ShardId(log)).Next());
  std::optional<SignedTreeHead> head;
  if (row) {
    head.emplace();
    head->head.timestamp = FromMs(statement.Integer(0));
    head->head.size = statement.Unsigned(1);
    TRY(head->head.root, ToHash(statement.Blob(2)));
    head->signature = schema::Signature(schema::ToBytes(statement.Blob(3)));
    head->checkpoint = std::string(statement.Text(4));
  }
  TRY(statement.Run());
  return head;
}

}  // namespace ca
