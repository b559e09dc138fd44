// Many files in one: an SQLite archive (https://sqlite.org/sqlar.html), which `sqlite3 FILE -Ax`
// unpacks. Files are stored as they are, without compression.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kBadBundle;  // kCaller: not an archive of this form

// Thread-safe.
class Bundle {
 public:
  // To read. kBadBundle, sqlite::kUnavailable, sqlite::kBroken.
  static schema::Result<std::unique_ptr<Bundle>> Open(const std::filesystem::path& path);
  // To write too; made when there is none.
  static schema::Result<std::unique_ptr<Bundle>> OpenToWrite(const std::filesystem::path& path);
  virtual ~Bundle() = default;

  // Nothing when there is no such file; kBadBundle when it is compressed.
  virtual schema::Result<std::optional<schema::Bytes>> Read(const std::string& name) = 0;
  // Names that match an SQLite GLOB pattern, sorted.
  virtual schema::Result<std::vector<std::string>> Find(const std::string& pattern) = 0;
  // What is put is on the disk after Commit, all of it or nothing since the last.
  virtual schema::Outcome Put(const std::string& name, schema::BytesView bytes) = 0;
  // All files whose names start with `prefix`.
  virtual schema::Outcome Remove(const std::string& prefix) = 0;
  virtual schema::Outcome Commit() = 0;
};

}  // namespace ca
