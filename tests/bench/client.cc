#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "schema/base/result.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Octets of the whole answer in `text`, once its head is there.
std::optional<std::size_t> AnswerSize(std::string_view text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return std::nullopt;
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t at = text.find(kName);
  MUST(at < head);
  std::size_t length = 0;
  std::from_chars(text.data() + at + kName.size(), text.data() + head, length);
  return head + 4 + length;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) Die("send");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

struct Line {
  int fd = -1;
  Clock::time_point since;
  std::string answer;
};

class Run {
 public:
  Run(std::span<const std::string> requests, const Expected& expected)
      : requests_(requests), expected_(expected), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    out_.latencies.reserve(requests.size());
  }
  ~Run() {
    for (const Line& line : lines_) ::close(line.fd);
    ::close(poll_);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void Open(const std::string& address, std::size_t connections) {
    lines_.resize(connections);
    for (std::size_t i = 0; i < connections; ++i) {
      lines_[i].fd = Connect(address);
      if (lines_[i].fd < 0) Die("connect");
      epoll_event event{EPOLLIN, {.u64 = i}};
      if (::epoll_ctl(poll_, EPOLL_CTL_ADD, lines_[i].fd, &event) != 0) Die("epoll_ctl");
    }
  }

  Sent Go() {
    const auto begin = Clock::now();
    for (Line& line : lines_) Next(line);
    std::array<epoll_event, 64> events;
    while (out_.latencies.size() < requests_.size()) {
      const int ready = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 30'000);
      if (ready <= 0) Die("no answer for 30 s");
      for (int i = 0; i < ready; ++i) Read(lines_[events[static_cast<std::size_t>(i)].data.u64]);
    }
    out_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::ranges::sort(out_.latencies);
    return std::move(out_);
  }

 private:
  void Next(Line& line) {
    if (next_ == requests_.size()) return;
    line.answer.clear();
    line.since = Clock::now();
    WriteAll(line.fd, requests_[next_++]);
  }

  void Read(Line& line) {
    std::array<char, 16 * 1024> buffer;
    const ssize_t got = ::recv(line.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) Die("the server closed a connection");
    line.answer.append(buffer.data(), static_cast<std::size_t>(got));
    const auto size = AnswerSize(line.answer);
    if (!size || line.answer.size() < *size) return;
    const std::chrono::duration<double, std::milli> took = Clock::now() - line.since;
    out_.latencies.push_back(took.count());
    const bool good = line.answer.starts_with(expected_.status) &&
                      line.answer.find(expected_.text) != std::string::npos;
    out_.good += good ? 1 : 0;
    if (!good && out_.first_bad.empty()) out_.first_bad = line.answer.substr(0, 800);
    Next(line);
  }

  std::span<const std::string> requests_;
  const Expected& expected_;
  const int poll_;
  std::vector<Line> lines_;
  std::size_t next_ = 0;
  Sent out_;
};

}  // namespace

int Connect(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  MUST(colon != std::string::npos);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  MUST(::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) == 1);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return fd;
  ::close(fd);
  return -1;
}

Sent Send(const std::string& address, std::span<const std::string> requests,
          std::size_t connections, const Expected& expected) {
  Run run(requests, expected);
  run.Open(address, connections);
  return run.Go();
}

std::string Get(const std::string& address, const std::string& path) {
  const int fd = Connect(address);
  if (fd < 0) Die("connect");
  WriteAll(fd, "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n");
  std::string text;
  std::array<char, 16 * 1024> buffer;
  for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  const std::size_t head = text.find("\r\n\r\n");
  return head == std::string::npos ? "" : text.substr(head + 4);
}

}  // namespace bench
