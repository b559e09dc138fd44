// What the processes under test cost, read from /proc and from the server's metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

// `server` and its children: the signers.
std::vector<int> ProcessTree(int server);

struct Cost {
  double cpu_seconds = 0;         // user and system
  double signer_cpu_seconds = 0;  // the children's part of it
  std::uint64_t switches = 0;     // context switches of all threads, voluntary or not
  double rss_mb = 0;
};
Cost CostOf(int server);

struct Counters {
  double hsm_operations = 0, commits = 0, waiting = 0;
};
// From /metrics at `internal`.
Counters ReadCounters(const std::string& internal);
// Returns once no precertificate waits to be signed, or after ten seconds.
Counters AwaitRest(const std::string& internal);

}  // namespace bench
