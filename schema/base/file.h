// Reading a small file whole: the one place in schema/ that touches the disk, because every folder
// needs it.
#pragma once

#include <filesystem>
#include <string>

#include "schema/base/result.h"

namespace schema {

extern const ErrorKind kFileUnreadable;

// At most `bytes_max` octets; the detail names the path and the system's reason.
Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t bytes_max = 1 << 20);

}  // namespace schema
