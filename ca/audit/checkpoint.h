// The checkpoint of a log, held against the keys an audit knows.
#pragma once

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
  std::vector<std::string> witnesses;  // whose cosignature verifies
};

enum class LogKind { kCertificates, kEvents };

// Reads "checkpoint". Finds bad-checkpoint when a key of its origin is not known or has not signed
// it, and too-few-witnesses. kBadCheckpoint when it is none.
schema::Result<Checkpoint> ReadCheckpoint(const Source& source, LogKind kind,
                                          const Anchors& anchors, std::size_t quorum,
                                          Findings& findings);

}  // namespace ca::audit
