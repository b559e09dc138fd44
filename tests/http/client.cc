#include "tests/http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string>
#include <utility>

namespace support {

using Clock = std::chrono::steady_clock;

std::string Reply::Header(std::string_view name) const {
  const std::string wanted = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(wanted);
  if (at == std::string::npos) return "";
  const std::size_t start = at + wanted.size();
  return head.substr(start, head.find("\r\n", start) - start);
}

Client::Client(std::uint16_t port, int receive_buffer, const char* host) {
  const bool six = std::string_view(host).find(':') != std::string_view::npos;
  fd_ = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (receive_buffer > 0)
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  inet_pton(six ? AF_INET6 : AF_INET, host,
            six ? static_cast<void*>(&v6.sin6_addr) : static_cast<void*>(&v4.sin_addr));
  const auto* address = six ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  if (connect(fd_, address, six ? sizeof(v6) : sizeof(v4)) != 0) Close();
}

Client::~Client() { Close(); }

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

bool Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

int Client::Fill(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  pollfd wait{fd_, POLLIN, 0};
  if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) return -1;
  std::array<char, 65536> bytes;
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
  if (size <= 0) return 0;
  buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return 1;
}

Reply Client::Read(bool head_only, std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  std::size_t blank;
  while ((blank = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (Fill(end) <= 0) return {};
  }
  Reply reply;
  reply.head = buffer_.substr(0, blank + 2);
  std::ranges::transform(reply.head, reply.head.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  buffer_.erase(0, blank + 4);
  const std::string length = reply.Header("content-length");
  const std::size_t size =
      head_only || length.empty() ? 0 : std::strtoul(length.c_str(), nullptr, 10);
  while (buffer_.size() < size) {
    if (Fill(end) <= 0) return {};
  }
  reply.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  if (reply.head.starts_with("http/1.1 ")) reply.status = std::atoi(reply.head.c_str() + 9);
  return reply;
}

std::string Client::ReadAll(std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  while (Fill(end) > 0) continue;
  return std::exchange(buffer_, "");
}

bool Client::ClosedWithin(std::chrono::milliseconds limit) {
  return buffer_.empty() && Fill(Clock::now() + limit) == 0;
}

void Client::HalfClose() { shutdown(fd_, SHUT_WR); }

void Client::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

void Client::Reset() {
  const linger hard{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  Close();
}

std::string Get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

Reply Ask(std::uint16_t port, std::string_view bytes) {
  Client client(port);
  client.Send(bytes);
  return client.Read();
}

}  // namespace support
