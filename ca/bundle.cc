#include "ca/bundle.h"

#include <mutex>
#include <utility>

#include "ca/log/sqlite.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
using sqlite::Connection;
using sqlite::Statement;

const schema::ErrorKind kBadBundle{"bad-bundle", schema::Fault::kCaller,
                                   "not a bundle that `chancery log export --bundle` wrote"};

namespace {

constexpr int kBusyMilliseconds = 1000;
constexpr const char* kTable =
    "CREATE TABLE IF NOT EXISTS sqlar("
    "name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)";
constexpr std::int64_t kMode = 0100644;  // a regular file

class Archive final : public Bundle {
 public:
  explicit Archive(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  Outcome Prepare(bool write) {
    if (write) TRY(connection_->Execute(kTable));
    auto read = connection_->Prepare("SELECT sz, data FROM sqlar WHERE name=?");
    if (!read) return Error{&kBadBundle, read.error().detail};
    read_ = *std::move(read);
    if (!write) return schema::Ok();
    TRY(put_, connection_->Prepare("INSERT INTO sqlar VALUES(?1,?2,0,?3,?4) ON CONFLICT(name) DO "
                                   "UPDATE SET sz=?3, data=?4"));
    TRY(remove_, connection_->Prepare("DELETE FROM sqlar WHERE substr(name, 1, length(?1)) = ?1"));
    return schema::Ok();
  }

  Result<std::optional<Bytes>> Read(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    TRY(const bool row, read_->Start(name).Next());
    if (!row) return std::optional<Bytes>();
    Bytes data = schema::ToBytes(read_->Blob(1));
    const bool whole = read_->Unsigned(0) == data.size();
    read_->Stop();
    if (!whole) return Error{&kBadBundle, name + " is compressed"};
    return std::optional(std::move(data));
  }

  Result<std::vector<std::string>> Find(const std::string& pattern) override {
    const std::lock_guard lock(mutex_);
    TRY(Statement find,
        connection_->Prepare("SELECT name FROM sqlar WHERE name GLOB ? ORDER BY name"));
    find.Start(pattern);
    std::vector<std::string> names;
    while (true) {
      TRY(const bool row, find.Next());
      if (!row) return names;
      names.emplace_back(find.Text(0));
    }
  }

  Outcome Put(const std::string& name, BytesView bytes) override {
    const std::lock_guard lock(mutex_);
    if (!connection_->InTransaction()) TRY(connection_->Execute("BEGIN IMMEDIATE"));
    return put_->Start(name, kMode, std::uint64_t{bytes.size()}, bytes).Run();
  }

  Outcome Remove(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    if (!connection_->InTransaction()) TRY(connection_->Execute("BEGIN IMMEDIATE"));
    return remove_->Start(prefix).Run();
  }

  Outcome Commit() override {
    const std::lock_guard lock(mutex_);
    return connection_->InTransaction() ? connection_->Execute("COMMIT") : schema::Ok();
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
  std::optional<Statement> read_, put_, remove_;
};

Result<std::unique_ptr<Bundle>> OpenArchive(const std::filesystem::path& path, bool write) {
  TRY(auto connection,
      Connection::Open(path, {.write = write, .vfs = "", .busy_milliseconds = kBusyMilliseconds}));
  auto archive = std::make_unique<Archive>(std::move(connection));
  TRY(archive->Prepare(write));
  return std::unique_ptr<Bundle>(std::move(archive));
}

}  // namespace

Result<std::unique_ptr<Bundle>> Bundle::Open(const std::filesystem::path& path) {
  return OpenArchive(path, false);
}
Result<std::unique_ptr<Bundle>> Bundle::OpenToWrite(const std::filesystem::path& path) {
  return OpenArchive(path, true);
}

}  // namespace ca
