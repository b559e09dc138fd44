#include "ca/log/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ca/log/sqlite.h"

namespace ca {

using schema::Error;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kStateGone{
    "state-gone", schema::Fault::kBusy,
    "the log's files were removed or replaced under it; the operator has to act"};

namespace {

Result<struct stat> Look(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return found;
  return Error{&kStateGone, path + ": " + std::strerror(errno)};
}

}  // namespace

Outcome SyncDirectory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (synced) return schema::Ok();
  return Error{&sqlite::kSyncFailed, directory.string() + ": " + std::strerror(reason)};
}

Result<Place> Place::Of(const std::filesystem::path& database) {
  Place place;
  for (const char* suffix : {"", "-wal"}) {
    const std::string path = database.string() + suffix;
    TRY(const struct stat found, Look(path));
    place.files_.push_back({path, found.st_dev, found.st_ino});
  }
  return place;
}

Outcome Place::Check() const {
  for (const File& file : files_) {
    TRY(const struct stat found, Look(file.path));
    if (found.st_dev != file.device || found.st_ino != file.inode) {
      return Error{&kStateGone, file.path + ": is another file now"};
    }
  }
  return schema::Ok();
}

}  // namespace ca
