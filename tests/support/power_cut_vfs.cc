#include "tests/support/power_cut_vfs.h"

#include <dlfcn.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/base/result.h"

namespace support {
namespace {

constexpr std::size_t kSector = 512;

struct Change {
  std::size_t at;
  std::string octets;  // none: the file ends here
};

void Apply(const Change& change, std::string& content) {
  if (change.octets.empty()) return content.resize(change.at);
  content.resize(std::max(content.size(), change.at + change.octets.size()));
  content.replace(change.at, change.octets.size(), change.octets);
}

// The parts of a write that one sector takes whole.
std::vector<Change> Sectors(const Change& change) {
  std::vector<Change> out;
  for (std::size_t done = 0; done < change.octets.size();) {
    const std::size_t at = change.at + done;
    const std::size_t count = std::min(kSector - at % kSector, change.octets.size() - done);
    out.push_back({at, change.octets.substr(done, count)});
    done += count;
  }
  return out;
}

struct Node {
  std::string synced;
  std::vector<Change> since;
};
using Names = std::map<std::string, std::shared_ptr<Node>>;

struct OpenFile {
  const sqlite3_io_methods* system;
  std::shared_ptr<Node> node;
  bool names_wait;  // the first sync of a new journal is one of its directory too, as in os_unix.c
};

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

sqlite3_vfs* System() {
  static sqlite3_vfs* const system = sqlite3_vfs_find("unix");
  return system;
}

PowerCutDisk* disk = nullptr;  // of the one PowerCut, for the functions that SQLite calls

}  // namespace

struct PowerCutDisk {
  std::mutex mutex;
  std::uint64_t left = 0;  // operations until the cut; 0: none is planned
  bool off = false;
  Names now, synced;
  std::vector<std::pair<std::string, std::shared_ptr<Node>>> since;  // null: deleted
  std::map<sqlite3_file*, OpenFile> files;
  std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods;
  sqlite3_vfs layer{};

  // Whether the power fails in this operation, or failed before.
  bool Fails() {
    if (left > 0 && --left == 0) off = true;
    return off;
  }
  void SyncNames() {
    synced = now;
    since.clear();
  }
  void SetName(const std::string& path, const std::shared_ptr<Node>& node) {
    if (node == nullptr) {
      now.erase(path);
    } else {
      now[path] = node;
    }
    since.emplace_back(path, node);
  }
};

namespace {

// The system's methods and what is known of an open file; the lock is let go before they are
// called.
OpenFile Of(sqlite3_file* file) {
  const std::lock_guard lock(disk->mutex);
  return disk->files.at(file);
}

int Close(sqlite3_file* file) {
  const OpenFile open = Of(file);
  {
    const std::lock_guard lock(disk->mutex);
    disk->files.erase(file);
  }
  return open.system->xClose(file);
}

int Read(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
  {
    const std::lock_guard lock(disk->mutex);
    if (disk->off) return SQLITE_IOERR_READ;
  }
  return Of(file).system->xRead(file, to, count, at);
}

int Write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
  const OpenFile open = Of(file);
  const std::lock_guard lock(disk->mutex);
  if (disk->off) return SQLITE_IOERR_WRITE;
  open.node->since.push_back(
      {static_cast<std::size_t>(at),
       std::string(static_cast<const char*>(from), static_cast<std::size_t>(count))});
  if (disk->Fails()) return SQLITE_IOERR_WRITE;
  return open.system->xWrite(file, from, count, at);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const OpenFile open = Of(file);
  const std::lock_guard lock(disk->mutex);
  if (disk->off) return SQLITE_IOERR_TRUNCATE;
  open.node->since.push_back({static_cast<std::size_t>(size), ""});
  if (disk->Fails()) return SQLITE_IOERR_TRUNCATE;
  return open.system->xTruncate(file, size);
}

int Sync(sqlite3_file* file, int) {
  const std::lock_guard lock(disk->mutex);
  if (disk->off || disk->Fails()) return SQLITE_IOERR_FSYNC;
  OpenFile& open = disk->files.at(file);
  for (const Change& change : open.node->since) Apply(change, open.node->synced);
  open.node->since.clear();
  if (std::exchange(open.names_wait, false)) disk->SyncNames();
  return SQLITE_OK;
}

const sqlite3_io_methods* Watched(const sqlite3_io_methods* system) {
  auto [at, made] = disk->methods.try_emplace(system, *system);
  if (made) {
    sqlite3_io_methods& methods = at->second;
    methods.iVersion = 2;  // no memory-mapped files
    methods.xClose = Close;
    methods.xRead = Read;
    methods.xWrite = Write;
    methods.xTruncate = Truncate;
    methods.xSync = Sync;
  }
  return &at->second;
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  const std::lock_guard lock(disk->mutex);
  file->pMethods = nullptr;
  if (disk->off || name == nullptr) return SQLITE_CANTOPEN;
  const bool exists = std::filesystem::exists(name);
  if (!exists && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  if (!exists && disk->Fails()) return SQLITE_CANTOPEN;
  if (const int code = System()->xOpen(System(), name, file, flags, out); code != SQLITE_OK) {
    return code;
  }
  if (!disk->now.contains(name)) {
    const auto node = std::make_shared<Node>();
    if (exists) {
      node->synced = ReadAll(name);
      disk->now[name] = disk->synced[name] = node;
    } else {
      disk->SetName(name, node);
    }
  }
  const bool journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  disk->files[file] = {file->pMethods, disk->now.at(name), journal && !exists};
  file->pMethods = Watched(file->pMethods);
  return SQLITE_OK;
}

int Delete(sqlite3_vfs*, const char* name, int sync) {
  const std::lock_guard lock(disk->mutex);
  if (disk->off) return SQLITE_IOERR_DELETE;
  if (!disk->now.contains(name)) return System()->xDelete(System(), name, 0);
  disk->SetName(name, nullptr);
  if (disk->Fails()) return SQLITE_IOERR_DELETE;
  if (sync != 0) disk->SyncNames();
  return System()->xDelete(System(), name, 0);
}

// What fsync of a directory comes to; nothing for another file.
std::optional<int> SyncDirectory(int fd) {
  struct stat found {};
  if (disk == nullptr || ::fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode)) return std::nullopt;
  const std::lock_guard lock(disk->mutex);
  errno = EIO;
  if (disk->off || disk->Fails()) return -1;
  disk->SyncNames();
  return 0;
}

}  // namespace

PowerCut::PowerCut() : disk_(std::make_unique<PowerCutDisk>()) {
  MUST(disk == nullptr);
  disk = disk_.get();
  disk->layer = *System();
  disk->layer.zName = "power-cut";
  disk->layer.pNext = nullptr;
  disk->layer.xOpen = Open;
  disk->layer.xDelete = Delete;
  MUST(sqlite3_vfs_register(&disk->layer, 1) == SQLITE_OK);
}

PowerCut::~PowerCut() {
  MUST(disk_->files.empty());
  sqlite3_vfs_unregister(&disk_->layer);
  sqlite3_vfs_register(System(), 1);
  disk = nullptr;
}

void PowerCut::At(std::uint64_t nth) {
  const std::lock_guard lock(disk_->mutex);
  disk_->left = nth;
}

bool PowerCut::IsOff() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->off;
}

void PowerCut::Restore(std::mt19937_64& random) {
  MUST(disk_->files.empty());
  // Some cuts lose everything, some next to nothing, most a part.
  const std::uint64_t kept = random() % 5;
  const auto keeps = [&] { return random() % 4 < kept; };
  Names names = disk_->synced;
  for (const auto& [path, node] : disk_->since) {
    if (!keeps()) continue;
    if (node == nullptr) {
      names.erase(path);
    } else {
      names[path] = node;
    }
  }
  for (const auto& [path, node] : disk_->now) {
    std::filesystem::remove(path);
    std::filesystem::remove(path + "-shm");
  }
  for (const auto& [path, node] : names) {
    for (const Change& change : node->since) {
      const bool torn = !change.octets.empty() && random() % 4 == 0;
      if (!torn) {
        if (keeps()) Apply(change, node->synced);
        continue;
      }
      for (const Change& sector : Sectors(change)) {
        if (random() % 2 == 0) Apply(sector, node->synced);
      }
    }
    node->since.clear();
    std::ofstream out(path, std::ios::binary);
    out << node->synced;
    MUST(out.flush());
  }
  disk_->now = disk_->synced = std::move(names);
  disk_->since.clear();
  disk_->left = 0;
  disk_->off = false;
}

}  // namespace support

// Stands before the C library's.
extern "C" int fsync(int fd) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fsync"));
  const auto synced = support::SyncDirectory(fd);
  return synced ? *synced : real(fd);
}
