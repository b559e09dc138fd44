// Refusals that are counted instead of entered one by one, so that nobody can fill the disk.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/base/json.h"
#include "schema/base/time.h"

namespace ca {

// Thread-safe. At most kKinds pairs of reason and issuer are told apart within a minute; the rest
// are counted by reason alone, and reasons beyond that as "(other)".
class Refusals {
 public:
  static constexpr std::size_t kKinds = 128;
  static constexpr std::chrono::minutes kWindow{1};

  void Count(std::string_view reason, std::string_view issuer, schema::TimeMs now);

  // When the oldest count is a minute old, or `all`: one `refused` event for each pair, and all
  // counts start anew.
  std::vector<schema::Json> Summaries(schema::TimeMs now, bool all);

 private:
  struct Tally {
    std::uint64_t count = 0;
    schema::TimeMs first, last;
  };
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Tally> tallies_;
  schema::TimeMs since_{};
};

}  // namespace ca
