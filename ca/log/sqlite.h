// SQLite as Results: the only file pair that includes SQLiteCpp, and where its exceptions end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace ca::sqlite {

extern const schema::ErrorKind kUnavailable;  // kBusy: full, locked, read-only, I/O error: may pass
extern const schema::ErrorKind kSyncFailed;   // kBusy: an fsync failed; what is on disk is unknown
extern const schema::ErrorKind kBroken;  // kUs: corrupt, not a database, or a statement of ours

using Value = std::variant<std::int64_t, std::string>;

// A prepared statement. After an error its result rows are void; Start again.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  // Resets and binds ?1, ?2, … in order. Views are not copied: they outlive the run.
  template <class... Values>
  Statement& Start(const Values&... values) {
    Rewind();
    int position = 0;
    (Bind(++position, values), ...);
    return *this;
  }
  // The same for values known at run time only.
  Statement& StartWith(const std::vector<Value>& values) {
    Rewind();
    int position = 0;
    for (const Value& value : values) {
      std::visit([&](const auto& v) { Bind(++position, v); }, value);
    }
    return *this;
  }
  // The next row, or false at the end.
  schema::Result<bool> Next();
  // To the end; for statements without rows.
  schema::Outcome Run();
  // Lets go of the rows that are left, and of the snapshot they are read from.
  void Stop() { Rewind(); }

  // Of the current row. Views end with the next call of Next, Run or Start.
  bool IsNull(int column) const;
  std::int64_t Integer(int column) const;
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Integer(column)); }
  schema::BytesView Blob(int column) const;
  std::string_view Text(int column) const;

 private:
  friend class Connection;
  explicit Statement(std::unique_ptr<SQLite::Statement> statement);

  void Rewind();
  void Bind(int position, std::int64_t value);
  void Bind(int position, std::uint64_t value) { Bind(position, static_cast<std::int64_t>(value)); }
  void Bind(int position, schema::BytesView blob);
  void Bind(int position, const schema::Hash& hash) { Bind(position, schema::BytesView(hash)); }
  void Bind(int position, const std::string& text);  // not copied either
  void Bind(int position, std::string_view text);    // copied
  void BindNull(int position);
  template <class Value>
  void Bind(int position, const std::optional<Value>& value) {
    value ? Bind(position, *value) : BindNull(position);
  }
  schema::Error ErrorNow() const;

  std::unique_ptr<SQLite::Statement> statement_;
  int bind_code_ = 0;  // the first failed bind since Rewind; reported by Next
  bool ended_ = false;
};

struct OpenMode {
  bool write = false;    // creates the file too
  std::string vfs = "";  // empty: the system's
  int busy_milliseconds = 0;
};

struct WalState {
  int frames;  // pages in the write-ahead log
  int copied;  // of them, in the database too
};

// One connection, for one thread at a time.
class Connection {
 public:
  static schema::Result<std::unique_ptr<Connection>> Open(const std::filesystem::path& path,
                                                          const OpenMode& mode);
  ~Connection();

  schema::Outcome Execute(const std::string& sql);
  schema::Result<Statement> Prepare(const std::string& sql);
  // One integer of one row.
  schema::Result<std::int64_t> Ask(const std::string& sql);
  // Copies the write-ahead log into the database as far as readers allow, without waiting for
  // anyone (PASSIVE).
  schema::Result<WalState> Checkpoint();
  // Whether a transaction is open: SQLite ends one by itself after some errors.
  bool InTransaction() const;

 private:
  explicit Connection(std::unique_ptr<SQLite::Database> database);
  std::unique_ptr<SQLite::Database> database_;
};

}  // namespace ca::sqlite
