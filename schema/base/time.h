// Time is chrono, never an integer. The clock is an argument: nothing here reads one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace schema {

using Time = std::chrono::sys_seconds;                            // UTC, to the second
using TimeMs = std::chrono::sys_time<std::chrono::milliseconds>;  // UTC, RFC 6962 timestamps
using Steady = std::chrono::steady_clock;                         // deadlines

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs Now() const = 0;
};

// The machine's real-time clock.
class SystemClock final : public Clock {
 public:
  TimeMs Now() const override;
};

inline Time ToSeconds(TimeMs t) { return std::chrono::floor<std::chrono::seconds>(t); }

// Of 0 to 99, a leading zero written. printf takes longer for it than all else that a time needs.
void AppendTwoDigits(int number, std::string& out);

// "2026-11-21T10:00:00Z" and "2026-11-21T10:00:00.123Z" (RFC 3339, UTC).
std::string Rfc3339(Time t);
std::string Rfc3339(TimeMs t);

// "2026-11-21T10:00:00Z", or "2026-11-21" for its first second; exactly, and of the calendar.
extern const ErrorKind kBadTime;
Result<Time> ParseTime(std::string_view text);

// "30s", "10m", "1h", "250ms", "7d": a number and one unit. kBadDuration for anything else.
extern const ErrorKind kBadDuration;
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
std::string FormatDuration(std::chrono::milliseconds d);

}  // namespace schema
