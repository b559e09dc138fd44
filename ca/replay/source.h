// Where a replay's events come from: the store of a state directory, or a file of one event a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/log/reader.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

// Some events, in order; the views live as long as the block and do not outlive it.
struct EventBlock {
  std::vector<std::string> stored;      // from the store
  std::string text;                     // from a file
  std::vector<std::string_view> lines;  // into either
};

class EventSource {
 public:
  virtual ~EventSource() = default;
  // The next few megabytes of events into `block`, or false at the end. Thread-safe: each event is
  // given out once.
  virtual schema::Result<bool> Next(EventBlock* block) = 0;
  // How much of it was given out, 0 to 1.
  virtual double Done() const = 0;
};

// Published events from `since` on; none: all. `shards` reads each shard of the events log, in the
// order they were opened; the readers outlive the source.
schema::Result<std::unique_ptr<EventSource>> EventsOfStore(
    const std::vector<std::unique_ptr<Reader>>& shards, std::optional<schema::TimeMs> since);
// "-" is standard input. A line longer than limits::kEventBytes ends the replay with kBadInput.
schema::Result<std::unique_ptr<EventSource>> EventsOfFile(const std::filesystem::path& path);

}  // namespace ca
