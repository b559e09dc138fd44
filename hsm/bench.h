// What a token can do, through the same signers that `serve` uses: `chancery hsm bench`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/config.h"

namespace hsm {

struct BenchRow {
  int sessions;
  double per_second;      // signatures, with eight callers for each session
  double p50_ms, p99_ms;  // of one signature, with one caller for each session
  std::uint64_t failures;
};

// Starts `sessions` signers of ca.key in its token `token` (`program signer …`), signs probes for
// `duration`, stops them. Half of the time is for each of rate and latency. The errors of
// Custody::Start.
schema::Result<BenchRow> BenchSessions(schema::Config config, schema::KeyToken token, int sessions,
                                       std::chrono::milliseconds duration,
                                       const std::filesystem::path& program,
                                       schema::Journal& journal);

// The fewest sessions that reach nine tenths of the best rate. `rows` is not empty.
int SuggestedSessions(const std::vector<BenchRow>& rows);

}  // namespace hsm
