// A log that moves on to another shard: what the tests of shards share.
#pragma once

#include <string>

#include "tests/ca/log/house.h"

namespace log_test {

// The next start has new keys, and shards of this name.
inline void MoveOn(House& house, const std::string& shard) {
  house.Close();
  house.custody.ChangeLogKeys();
  house.config.log.certificates.shard = shard;
  house.config.log.certificates.origin = "ca.example.org/" + shard;
  house.config.log.events.shard = shard;
  house.config.log.events.origin = "ca.example.org/events/" + shard;
}

inline const ca::Reader& ReaderOf(House& house, ca::LogName log, const std::string& shard) {
  for (const ca::ServedShard& served : house.log().shards()) {
    if (served.log == log && served.name == shard) return *served.reader;
  }
  MUST(false);
}

inline std::string Detail(const schema::Outcome& outcome) {
  return outcome ? "" : outcome.error().Describe();
}

}  // namespace log_test
