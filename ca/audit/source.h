// Where the files of a log are read from: a directory, a bundle, or a server that serves the same
// paths.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ca/bundle.h"
#include "schema/base/bytes.h"
#include "schema/base/fetch.h"
#include "schema/base/result.h"

namespace ca::audit {

extern const schema::ErrorKind kUnreadable;  // kBusy: a file of the log cannot be read

// Thread-safe. Paths are relative to the log's base: "checkpoint", "tile/0/000".
class Source {
 public:
  virtual ~Source() = default;
  // At most kFileBytesMax octets. kUnreadable names the file.
  virtual schema::Result<schema::Bytes> Read(const std::string& path) const = 0;

  static constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
};

std::unique_ptr<Source> OpenDirectory(std::filesystem::path base);
// `base` is the log's within the bundle, as "certificates/2026", without a slash at the end.
std::unique_ptr<Source> OpenBundle(std::shared_ptr<Bundle> bundle, std::string base);
// `url` is the base, as https://ca.example.org/log/certificates/2026; `fetcher` outlives the
// source.
std::unique_ptr<Source> OpenServer(schema::Fetcher& fetcher, schema::FetchRequest base);

}  // namespace ca::audit
