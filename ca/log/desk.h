// A read-only connection to the store with a reader's statements, for one thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"
#include "ca/log/store.h"

namespace ca {

struct Desk {
  ShardIds shards;  // that are read
  std::unique_ptr<sqlite::Connection> connection;
  std::optional<sqlite::Statement> tree_head, hashes, entries, data, leaf, events_of;

  static schema::Result<std::unique_ptr<Desk>> Open(const std::filesystem::path& path,
                                                    ShardIds shards);
  // Ends all statements: an open one holds its snapshot, and the write-ahead log could never start
  // anew.
  void Clear();

  // The row that `entries` is at.
  schema::Result<LogEntry> EntryRow() const;
  // kNoSuchEntry when no checkpoint has been published.
  schema::Result<SignedTreeHead> Head(LogName log);
  // Certificates [first, first + count), or fewer when they pass `bytes_max`; at least one.
  // kBroken when the store lacks one.
  schema::Result<std::vector<LogEntry>> Certificates(std::uint64_t first, std::uint64_t count,
                                                     std::size_t bytes_max);
  // Event texts likewise.
  schema::Result<std::vector<std::string>> Events(std::uint64_t first, std::uint64_t count,
                                                  std::size_t bytes_max);
};

}  // namespace ca
