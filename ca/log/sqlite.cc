#include "ca/log/sqlite.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

namespace ca::sqlite {

using schema::BytesView;
using schema::Error;
using schema::Fault;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kUnavailable{"store-unavailable", Fault::kBusy,
                                     "the log's store cannot be written now; try again"};
const schema::ErrorKind kSyncFailed{"store-sync-failed", Fault::kBusy,
                                    "the log's store is not reliable; the operator has to restart"};
const schema::ErrorKind kBroken{"store-broken", Fault::kUs, "the log's store is damaged"};

namespace {

const schema::ErrorKind& KindOf(int extended) {
  // An fsync that failed once may have dropped the pages it was asked to keep: no retry helps.
  if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) return kSyncFailed;
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return kUnavailable;
    default:
      return kBroken;
  }
}

Error ErrorOf(sqlite3* handle, int code) {
  const int extended = handle != nullptr ? sqlite3_extended_errcode(handle) : code;
  const int shown = extended == SQLITE_OK ? code : extended;
  std::string detail(sqlite3_errstr(shown));
  if (handle != nullptr) detail.append(": ").append(sqlite3_errmsg(handle));
  detail.append(" [").append(std::to_string(shown)).append("]");
  return Error{&KindOf(shown), std::move(detail)};
}

Error ErrorOf(const SQLite::Exception& e) {
  const int code = e.getExtendedErrorCode() > 0 ? e.getExtendedErrorCode() : e.getErrorCode();
  return Error{&KindOf(code), std::string(e.what()) + " [" + std::to_string(code) + "]"};
}

}  // namespace

Statement::Statement(std::unique_ptr<SQLite::Statement> statement)
    : statement_(std::move(statement)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;
Statement::~Statement() = default;

void Statement::Rewind() {
  // The code of a reset repeats that of the run before, which has been reported.
  statement_->tryReset();
  bind_code_ = 0;
  ended_ = false;
}

// SQLiteCpp's binds throw on failure, which here is a wrong position (a bug) or no memory.
template <class Act>
static void Keep(int& code, const Act& act) {
  try {
    act();
  } catch (const SQLite::Exception& e) {
    if (code == 0) code = e.getErrorCode() > 0 ? e.getErrorCode() : SQLITE_ERROR;
  }
}

void Statement::Bind(int position, std::int64_t value) {
  Keep(bind_code_, [&] { statement_->bind(position, value); });
}
void Statement::Bind(int position, BytesView blob) {
  // A null pointer would bind NULL instead of an empty blob.
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  Keep(bind_code_, [&] { statement_->bindNoCopy(position, data, static_cast<int>(blob.size())); });
}
void Statement::Bind(int position, const std::string& text) {
  Keep(bind_code_, [&] { statement_->bindNoCopy(position, text); });
}
void Statement::Bind(int position, std::string_view text) {
  // SQLiteCpp has no text with a length that it does not copy and that needs no terminator.
  Keep(bind_code_, [&] { statement_->bind(position, std::string(text)); });
}
void Statement::BindNull(int position) {
  Keep(bind_code_, [&] { statement_->bind(position); });
}

Error Statement::ErrorNow() const {
  return Error{&KindOf(statement_->getExtendedErrorCode()),
               std::string(statement_->getErrorMsg()) + " [" +
                   std::to_string(statement_->getExtendedErrorCode()) + "]"};
}

Result<bool> Statement::Next() {
  if (bind_code_ != 0) return Error{&KindOf(bind_code_), "a value could not be bound"};
  if (ended_) return false;
  switch (statement_->tryExecuteStep()) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      // A statement that stays open would keep its read transaction, and the write-ahead log,
      // alive.
      statement_->tryReset();
      ended_ = true;
      return false;
    default:
      return ErrorNow();
  }
}

Outcome Statement::Run() {
  while (true) {
    TRY(const bool row, Next());
    if (!row) return schema::Ok();
  }
}

bool Statement::IsNull(int column) const { return statement_->isColumnNull(column); }
std::int64_t Statement::Integer(int column) const {
  return statement_->getColumn(column).getInt64();
}
BytesView Statement::Blob(int column) const {
  const SQLite::Column value = statement_->getColumn(column);
  const auto* data = static_cast<const std::uint8_t*>(value.getBlob());
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(value.getBytes())};
}
std::string_view Statement::Text(int column) const {
  const SQLite::Column value = statement_->getColumn(column);
  const char* text = value.getText();
  return {text, static_cast<std::size_t>(value.getBytes())};
}

Connection::Connection(std::unique_ptr<SQLite::Database> database)
    : database_(std::move(database)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(const std::filesystem::path& path,
                                                     const OpenMode& mode) {
  try {
    const int flags =
        mode.write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY;
    // NOMUTEX: each connection belongs to one thread at a time.
    auto database = std::make_unique<SQLite::Database>(path.string(), flags | SQLite::OPEN_NOMUTEX,
                                                       mode.busy_milliseconds, mode.vfs);
    return std::unique_ptr<Connection>(new Connection(std::move(database)));
  } catch (const SQLite::Exception& e) {
    Error error = ErrorOf(e);
    error.detail = path.string() + ": " + error.detail;
    return error;
  }
}

Outcome Connection::Execute(const std::string& sql) {
  const int code = database_->tryExec(sql);
  if (code != SQLITE_OK) return ErrorOf(database_->getHandle(), code);
  return schema::Ok();
}

Result<Statement> Connection::Prepare(const std::string& sql) {
  try {
    return Statement(std::make_unique<SQLite::Statement>(*database_, sql));
  } catch (const SQLite::Exception& e) {
    return ErrorOf(e);
  }
}

Result<std::int64_t> Connection::Ask(const std::string& sql) {
  TRY(Statement statement, Prepare(sql));
  TRY(const bool row, statement.Next());
  if (!row) return Error{&kBroken, "no row: " + sql};
  return statement.Integer(0);
}

Result<WalState> Connection::Checkpoint() {
  WalState state{0, 0};
  const int code = sqlite3_wal_checkpoint_v2(
      database_->getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &state.frames, &state.copied);
  // BUSY: another checkpoint runs; it does the work.
  if (code == SQLITE_BUSY) return WalState{0, 0};
  if (code != SQLITE_OK) return ErrorOf(database_->getHandle(), code);
  return state;
}

bool Connection::InTransaction() const {
  return sqlite3_get_autocommit(database_->getHandle()) == 0;
}

}  // namespace ca::sqlite
