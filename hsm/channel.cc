#include "hsm/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace hsm {

using schema::Steady;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

// poll's timeout: rounded up, so that it does not spin in the last millisecond; -1 for no deadline.
int TimeoutUntil(Steady::time_point deadline) {
  if (deadline == Steady::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

bool Passed(Steady::time_point deadline) {
  return deadline != Steady::time_point::max() && Steady::now() >= deadline;
}

}  // namespace

Channel WriteAll(int socket, schema::BytesView bytes, Steady::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Channel::kClosed;
    pollfd wait{socket, POLLOUT, 0};
    if (::poll(&wait, 1, TimeoutUntil(deadline)) == 0 && Passed(deadline)) return Channel::kTimeout;
  }
  return Channel::kOk;
}

Channel ReadSome(int socket, int wake, schema::Bytes& out, Steady::time_point deadline) {
  std::array<std::uint8_t, kReadBytes> buffer;  // not cleared: most reads fill a fraction of it
  // With nothing else to wait for the kernel waits in recv, and one call does the work of two.
  const bool alone = wake < 0 && deadline == Steady::time_point::max();
  for (;;) {
    if (!alone) {
      // First of all: an answer is hardly ever there before it is waited for.
      pollfd wait[] = {{socket, POLLIN, 0},
                       {wake, POLLIN, 0}};  // poll ignores a negative descriptor
      const int ready = ::poll(wait, 2, TimeoutUntil(deadline));
      if (ready == 0 && Passed(deadline)) return Channel::kTimeout;
      if (ready > 0 && wait[0].revents == 0 && wait[1].revents != 0) return Channel::kWoken;
    }
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), alone ? 0 : MSG_DONTWAIT);
    if (got > 0) {
      out.insert(out.end(), buffer.begin(), buffer.begin() + got);
      return Channel::kOk;
    }
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) return Channel::kClosed;
  }
}

}  // namespace hsm
