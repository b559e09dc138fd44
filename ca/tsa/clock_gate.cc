#include "ca/tsa/clock_gate.h"

namespace ca {

using schema::Error;

const schema::ErrorKind kTimeNotAvailable{
    "time-not-available", schema::Fault::kBusy,
    "the time of this machine cannot be relied on at present; try again later"};

schema::Result<schema::TimeMs> ClockGate::Now() {
  if (discipline_ != nullptr) {
    if (auto trouble = discipline_->Trouble()) {
      return Error{&kTimeNotAvailable, *std::move(trouble)};
    }
  }
  // The clock is read under the lock, or two threads would tell their times in another order than
  // they read them.
  const std::lock_guard lock(mutex_);
  const schema::TimeMs now = clock_.Now();
  if (now + kStandstillMax < newest_) {
    return Error{&kTimeNotAvailable, "the clock was set back: it shows " + schema::Rfc3339(now) +
                                         ", and " + schema::Rfc3339(newest_) +
                                         " has been told already"};
  }
  newest_ = std::max(newest_, now);
  return newest_;
}

}  // namespace ca
