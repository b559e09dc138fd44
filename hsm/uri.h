// RFC 7512 URIs that name one key: which module, token and object, and where the PIN is.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "hsm/pin_source.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// Empty members are not asked for. A slot number is never part of it: slots are numbered anew at
// every start.
struct KeyUri {
  std::string token;  // label
  std::string serial;
  std::string manufacturer;
  std::string model;
  std::string object;  // CKA_LABEL
  schema::Bytes id;    // CKA_ID
  std::filesystem::path module;
  PinSource pin;  // none: no login
};

// kKeyUnusable unless the URI names token or serial, object or id, and a module-path, holds no
// attribute twice and none but these, type=private and pin-source. A PIN in the URI (pin-value) is
// refused: the configuration is no secret. Relative paths start at `directory`. The
// detail never holds the URI.
schema::Result<KeyUri> ParseKeyUri(std::string_view uri, const std::filesystem::path& directory);

}  // namespace hsm
