// What another policy would have made of the requests in the events log.
//
// Both policies are asked at the same instant, so that only the policies differ; events whose
// claims the log does not hold (redacted, cut) are undecidable unless the rest decides.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "ca/policy.h"
#include "ca/replay/source.h"
#include "schema/base/json.h"

namespace ca {

enum class Change : std::uint8_t { kNowRefused, kNowPasses, kOtherRule };

// Events alike: the same change, by the same rules, of the same identity.
struct DiffGroup {
  Change change;
  std::string before, after;    // "rule x", "deny rule x", "key types of rule x", "default-deny"
  std::string issuer, subject;  // empty subject for kOtherRule; kMoreIdentities beyond the limit
  std::uint64_t events = 0;
  std::uint64_t certificates = 0;  // of them, certificates that were issued
  std::string last;                // time of the newest
};
struct Undecided {
  std::string request_id, time;
  std::vector<std::string> missing;  // claims that would tell
};
struct DiffReport {
  std::uint64_t events = 0;
  std::uint64_t certificates = 0, refusals = 0;  // judged, by what really happened
  std::uint64_t not_asked = 0;                   // refused before the policy was asked
  std::uint64_t other = 0;                       // events of other types
  std::uint64_t unreadable = 0;                  // not events
  std::uint64_t undecided = 0;
  std::string first, last;                       // times of the oldest and newest event judged
  std::vector<DiffGroup> groups;                 // by change, then most events first
  std::vector<Undecided> listed;                 // undecided ones, at most kDiffListed, by time
  std::map<std::string, std::uint64_t> missing;  // claim to undecided events that lack it

  bool Differs() const { return !groups.empty(); }
};

inline constexpr std::size_t kDiffListed = 100;
inline constexpr std::size_t kDiffGroups = 20'000;  // identities told apart, a thread
inline constexpr const char* kMoreIdentities = "(more identities)";

struct DiffRun {
  const Policy& before;
  const Policy& after;
  schema::Time now;
  unsigned threads = 2;
  // Called every 200 ms by the calling thread with the share done, 0 to 1; may be empty.
  std::function<void(double)> progress;
};

// Blocks until the source is at its end. Memory does not grow with the number of events.
schema::Result<DiffReport> Replay(const DiffRun& run, EventSource* source);

// For people, safe for a terminal: at most `rows` identities a change.
std::string DiffText(const DiffReport& report, std::size_t rows);
schema::Json DiffJson(const DiffReport& report);

}  // namespace ca
