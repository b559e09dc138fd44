// The kernel's own word on its clock: adjtimex(2), which chrony, ntpd and timesyncd keep current.
#pragma once

#include "ca/tsa/clock_gate.h"

struct timex;

namespace ca {

// The kernel's estimate of its error beyond which the clock is not good enough for an accuracy of a
// second.
inline constexpr std::chrono::microseconds kClockErrorMax{1'000'000};

// What the kernel's answer means; nothing when the clock is kept. `state` is what adjtimex
// returned.
std::optional<std::string> JudgeKernelClock(int state, const timex& report);

class KernelClock final : public ClockDiscipline {
 public:
  std::optional<std::string> Trouble() const override;  // asks the kernel
};

}  // namespace ca
