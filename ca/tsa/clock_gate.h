// Whether the machine's time may be told to others: in stamps, and in certificates.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

// kBusy; the detail says what is wrong with the clock.
extern const schema::ErrorKind kTimeNotAvailable;

// Who keeps the clock right.
class ClockDiscipline {
 public:
  virtual ~ClockDiscipline() = default;
  // Why it may be wrong; nothing when it is kept. Does not block; thread-safe.
  virtual std::optional<std::string> Trouble() const = 0;
};

// A step back of no more than this is stood out: the time stands still until the clock has caught
// up.
inline constexpr std::chrono::milliseconds kStandstillMax{1000};

// Thread-safe.
class ClockGate {
 public:
  // `newest` is the latest time that an earlier run has told (the newest entry of the logs): a
  // clock behind it was set back while nothing ran. Both outlive the gate; `discipline` is null for
  // a clock that is trusted as it is.
  ClockGate(const schema::Clock& clock, const ClockDiscipline* discipline, schema::TimeMs newest)
      : clock_(clock), discipline_(discipline), newest_(newest) {}

  // The time, never earlier than one told before. kTimeNotAvailable while the discipline is in
  // trouble, and while the clock is behind what was told by more than kStandstillMax.
  schema::Result<schema::TimeMs> Now();

 private:
  const schema::Clock& clock_;
  const ClockDiscipline* const discipline_;
  std::mutex mutex_;
  schema::TimeMs newest_;  // guarded by mutex_
};

}  // namespace ca
