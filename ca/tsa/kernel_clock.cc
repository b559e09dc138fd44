#include "ca/tsa/kernel_clock.h"

#include <sys/timex.h>

#include <cerrno>
#include <cstring>

namespace ca {

std::optional<std::string> JudgeKernelClock(int state, const timex& report) {
  // TIME_ERROR stands for STA_UNSYNC and for faults of a pulse-per-second source, which only matter
  // where one is used.
  if ((report.status & STA_UNSYNC) != 0) {
    return "the kernel's clock is not synchronised (adjtimex: STA_UNSYNC); start chronyd, ntpd or "
           "systemd-timesyncd";
  }
  if (state == TIME_ERROR) return "the kernel reports a clock error (adjtimex: TIME_ERROR)";
  if (std::chrono::microseconds(report.maxerror) > kClockErrorMax) {
    return "the kernel's clock may be wrong by " + std::to_string(report.maxerror) +
           " us (adjtimex: maxerror)";
  }
  return std::nullopt;
}

std::optional<std::string> KernelClock::Trouble() const {
  timex report{};  // modes 0: only read
  const int state = adjtimex(&report);
  if (state < 0) return std::string("adjtimex: ") + std::strerror(errno);
  return JudgeKernelClock(state, report);
}

}  // namespace ca
