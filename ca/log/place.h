// The directory of a running log, and whether the files it writes are still those at their paths. A
// database that is unlinked or replaced goes on taking commits, and nobody will ever find them.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kStateGone;  // kBusy: removed, replaced, or another file system

// What was created, renamed or deleted in the directory is so after a power cut too. kSyncFailed.
schema::Outcome SyncDirectory(const std::filesystem::path& directory);

class Place {
 public:
  // The database and its write-ahead log, both open. kStateGone.
  static schema::Result<Place> Of(const std::filesystem::path& database);
  // kStateGone names the file. A microsecond each.
  schema::Outcome Check() const;

 private:
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  std::vector<File> files_;
};

}  // namespace ca
