// The checkpoint of a log, held against the keys an audit knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ca/audit/anchors.h"
#include "ca/audit/findings.h"
#include "ca/audit/source.h"
#include "schema/base/result.h"
#include "schema/log/checkpoint.h"

namespace ca::audit {

struct Checkpoint {
  schema::CheckpointBody body;
  const LogKey* log;                   // of a certificates log whose key is known; otherwise null
  std::uint64_t time_ms;               // that its log key signed; 0 where there is none
  std::vector<std::string> witnesses;  // whose cosignature verifies
};

enum class LogKind { kCertificates, kEvents };

// Reads "checkpoint" of the log that is called `name` in findings. Finds bad-checkpoint when a key
// of its origin is not known or has not signed it, and too-few-witnesses. kBadCheckpoint when it is
// none.
schema::Result<Checkpoint> ReadCheckpoint(const Source& source, LogKind kind,
                                          const std::string& name, const Anchors& anchors,
                                          std::size_t quorum, Findings& findings);

}  // namespace ca::audit
