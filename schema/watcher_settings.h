// `log.witnesses`, `log.witness-quorum` and `log.ship` of chancery.yaml: who besides this machine
// keeps what the logs showed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"
#include "schema/log/verifier_key.h"

namespace schema {

struct WitnessSettings {
  VerifierKey key;           // NoteKeyType::kCosignature
  std::string url;           // prefix of add-checkpoint, without a last '/'
  std::filesystem::path ca;  // PEM; empty: the system's
};

struct ShipSettings {
  enum class To { kFile, kSyslog, kUrl };
  To to;
  std::string target;        // a path, a URL, or "syslog"
  std::filesystem::path ca;  // of a URL
};

struct WatcherSettings {
  std::vector<WitnessSettings> witnesses;  // at most 16
  std::size_t quorum = 0;                  // 1 to their number; 0 without any
  std::vector<ShipSettings> ship;          // at most 8
};

// `log`: the map they stand in. Paths start at `directory`.
Result<WatcherSettings> ReadWatchers(const Node& log, const std::filesystem::path& directory);
// Of a whole chancery.yaml, which ParseConfig has accepted.
Result<WatcherSettings> ParseWatchers(std::string_view text, const std::filesystem::path& file);

}  // namespace schema
