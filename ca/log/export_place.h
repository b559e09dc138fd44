// Where an export goes: a directory or a bundle. Names are relative to the log's base.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ca/bundle.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

class ExportPlace {
 public:
  virtual ~ExportPlace() = default;

  // What people call this file.
  virtual std::string Where(const std::string& name) const = 0;
  virtual schema::Result<bool> Has(const std::string& name) = 0;
  // Nothing when there is none. At most kFileBytesMax octets.
  virtual schema::Result<std::optional<schema::Bytes>> Read(const std::string& name) = 0;
  // Whole or not at all, also if the machine stops.
  virtual schema::Outcome Replace(const std::string& name, schema::BytesView bytes) = 0;
  // All below this folder; what cannot be removed is only superfluous.
  virtual void RemoveFolder(const std::string& name) = 0;
  // What was replaced is on the disk when this returns.
  virtual schema::Outcome Settle() = 0;

  static constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
};

// Made when there is none.
std::unique_ptr<ExportPlace> DirectoryPlace(std::filesystem::path base);
// Below `base` in the bundle, as "certificates/2026".
std::unique_ptr<ExportPlace> BundlePlace(std::shared_ptr<Bundle> bundle, std::string base);

}  // namespace ca
