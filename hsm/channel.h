// One end of the socket between the network side and a signer.
#pragma once

#include <unistd.h>

#include <utility>

#include "schema/base/bytes.h"
#include "schema/base/time.h"

namespace hsm {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

enum class Channel { kOk, kClosed, kTimeout, kWoken };

// All of `bytes`, or why not. The socket may block; the deadline still holds.
Channel WriteAll(int socket, schema::BytesView bytes, schema::Steady::time_point deadline);

// Appends what has arrived, waiting for the first octet. kWoken when `wake` (an eventfd, or -1)
// became readable before the socket did; it is left readable.
Channel ReadSome(int socket, int wake, schema::Bytes& out, schema::Steady::time_point deadline);

}  // namespace hsm
