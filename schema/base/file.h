// Small files, whole: the one place in schema/ that touches the disk, because every folder needs
// it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace schema {

extern const ErrorKind kFileUnreadable;

// At most `bytes_max` octets; the detail names the path and the system's reason.
Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t bytes_max = 1 << 20);

// SHA-256 of a file of any size.
Result<Hash> FileDigest(const std::filesystem::path& path);

extern const ErrorKind kFileUnwritable;

// Adds `text` at the end of the file, which is made when there is none, and waits for the disk.
Outcome AppendFile(const std::filesystem::path& path, std::string_view text);
// The file has either its old content or all of the new one, whatever happens meanwhile.
Outcome ReplaceFile(const std::filesystem::path& path, std::string_view text);

}  // namespace schema
