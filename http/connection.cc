#include "http/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <memory>

#include "http/problem.h"
#include "schema/base/bytes.h"

namespace http {

using schema::Error;
using schema::ErrorKind;

const ErrorKind kTooSlow{"request-too-slow", schema::Fault::kCaller,
                         "the request took too long to arrive"};

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
// What one connection gets before the others of its thread. By time as well: a page of the log
// costs milliseconds where /healthz costs microseconds.
constexpr int kRequestsPerTurn = 16;
constexpr std::chrono::milliseconds kTurn{5};
constexpr std::size_t kBytesPerTurn = 256 * 1024;
constexpr std::chrono::milliseconds kLinger{2000};
constexpr int kReportsPerSecond = 10;

std::string PeerOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* source =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
  if (inet_ntop(address.ss_family, source, text.data(), text.size()) == nullptr) return "";
  return text.data();
}

// 48 bits of Unix milliseconds and 32 random bits: ids of one time are neighbours in the log's
// index.
std::string NewRequestId() {
  constexpr std::size_t kTime = 6, kRandom = 4;
  thread_local std::array<std::uint8_t, 128 * kRandom> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    MUST(getrandom(pool.data(), pool.size(), 0) == static_cast<ssize_t>(pool.size()));
    used = 0;
  }
  std::array<std::uint8_t, kTime + kRandom> id;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  for (std::size_t i = kTime; i > 0; ms >>= 8) id[--i] = static_cast<std::uint8_t>(ms & 0xff);
  for (std::size_t i = kTime; i < id.size(); ++i) id[i] = pool[used++];
  return schema::Hex(id);
}

// IMF-fixdate (RFC 9110 5.6.7), made once a second on each thread.
const std::string& HttpDate() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 32> buffer{};
    text.assign(buffer.data(),
                std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    second = now;
  }
  return text;
}

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";  // RFC 9112 4: may be empty
  }
}

void AppendHeader(std::string_view name, std::string_view value, std::string* out) {
  MUST(value.find_first_of("\r\n") == std::string_view::npos);
  out->append(name).append(": ").append(value).append("\r\n");
}

std::string HeadOf(const Response& response, bool keep_alive, const std::string& id) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.reserve(512);
  out.append(Reason(response.status)).append("\r\n");
  AppendHeader("Date", HttpDate(), &out);
  AppendHeader("X-Request-Id", id, &out);
  if (!response.content_type.empty()) AppendHeader("Content-Type", response.content_type, &out);
  for (const auto& [name, value] : response.headers) AppendHeader(name, value, &out);
  // RFC 9110 8.6: no Content-Length with 204.
  if (response.status != 204)
    AppendHeader("Content-Length", std::to_string(response.body.size()), &out);
  AppendHeader("Connection", keep_alive ? "keep-alive" : "close", &out);
  return out.append("\r\n");
}

}  // namespace

Connection::Connection(int fd, Edge& edge, Clock::time_point now)
    : fd_(fd),
      edge_(edge),
      framer_(edge.options.framing),
      deadline_(now + edge.options.header_timeout),
      peer_(PeerOf(fd)) {}

Connection::Next Connection::OnReady() {
  if (stage_ == Stage::kSend && !Send()) return stage_ == Stage::kSend ? Next::kWait : Next::kClose;
  if (stage_ == Stage::kLinger) return Linger();
  return Receive();
}

Connection::Next Connection::OnTick(Clock::time_point now) {
  const bool idle = stage_ == Stage::kReceive && framer_.state() == Framer::State::kIdle;
  if (edge_.closing || (edge_.draining && idle)) return Next::kClose;
  if (now < deadline_) return Next::kWait;
  if (stage_ != Stage::kReceive || idle || framer_.state() == Framer::State::kReady)
    return Next::kClose;
  Refuse(Error{&kTooSlow, ""});
  return OnReady();
}

// Reads, answers and writes until the socket would block or the turn is over.
Connection::Next Connection::Receive() {
  std::array<char, kReadBytes> buffer;
  const auto began = Clock::now();
  int requests = 0;
  std::size_t bytes = 0;
  for (;;) {
    if (framer_.state() == Framer::State::kReady) {
      if (++requests > kRequestsPerTurn || (requests > 1 && Clock::now() - began > kTurn)) {
        return Next::kAgain;
      }
      Answer(framer_.Take());
      if (!Send()) return stage_ == Stage::kSend ? Next::kWait : Next::kClose;
    } else if (framer_.state() == Framer::State::kBroken) {
      Refuse(framer_.error());
      if (!Send()) return stage_ == Stage::kSend ? Next::kWait : Next::kClose;
    }
    if (stage_ == Stage::kLinger) return Linger();
    if (framer_.state() == Framer::State::kReady || framer_.state() == Framer::State::kBroken)
      continue;
    if (half_closed_) return Next::kClose;
    Rearm();
    if (bytes > kBytesPerTurn) return Next::kAgain;
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Next::kWait : Next::kClose;
    }
    if (size == 0) half_closed_ = true;
    bytes += static_cast<std::size_t>(size);
    framer_.Feed({buffer.data(), static_cast<std::size_t>(size)});
    if (framer_.TakeContinue()) {
      // A few bytes into a socket that just emptied; if they do not fit, the client sends its body
      // unasked.
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (send(fd_, kContinue.data(), kContinue.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
          errno == EPIPE) {
        return Next::kClose;
      }
    }
  }
}

Connection::Next Connection::Linger() {
  std::array<char, kReadBytes> buffer;
  for (std::size_t bytes = 0; bytes <= kBytesPerTurn;) {
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Next::kWait;
    if (size <= 0) return Next::kClose;
    bytes += static_cast<std::size_t>(size);
  }
  return Next::kAgain;
}

// True when the answer is taken and the stage is the next one; false when the socket is full or
// broken.
bool Connection::Send() {
  const std::size_t total = out_[0].size() + out_[1].size();
  while (sent_ < total) {
    std::array<iovec, 2> parts{};
    std::size_t skip = sent_;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t done = std::min(skip, out_[i].size());
      parts[i] = {out_[i].data() + done, out_[i].size() - done};
      skip -= done;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t size = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size >= 0) {
      sent_ += static_cast<std::size_t>(size);
    } else if (errno != EINTR) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) stage_ = Stage::kLinger;
      return false;
    }
  }
  out_ = {};
  sent_ = 0;
  stage_ = Stage::kReceive;
  if (close_after_) {
    shutdown(fd_, SHUT_WR);
    stage_ = Stage::kLinger;
    deadline_ = Clock::now() + kLinger;
  }
  return true;
}

void Connection::Answer(Framed framed) {
  Request& request = framed.request;
  request.id = NewRequestId();
  request.peer_address = peer_;
  const std::shared_ptr<const Answers> answers = edge_.answers.Take();
  if (answers == nullptr) {
    return Queue(Problem(Error{&kChanging, ""}, request.id), request.method == "HEAD", false,
                 request.id);
  }
  request.client_address = answers->client_address ? answers->client_address(request) : peer_;
  std::string defect;
  const auto start = Clock::now();
  Response response = answers->router.Answer(request, &defect);
  const std::chrono::duration<double> taken = Clock::now() - start;
  if (!defect.empty()) {
    edge_.journal->Error("route-threw",
                         {{"request_id", request.id}, {"path", request.path}, {"detail", defect}});
  }
  if (answers->on_answer) answers->on_answer(request, response, taken.count());
  Queue(std::move(response), request.method == "HEAD", framed.keep_alive && !edge_.draining,
        request.id);
}

void Edge::Report(const Error& error, const std::string& peer, const std::string& id) {
  const auto second =
      std::chrono::floor<std::chrono::seconds>(Connection::Clock::now()).time_since_epoch();
  if (report_second.exchange(second.count()) != second.count()) reports = 0;
  const int before = reports++;
  if (before > kReportsPerSecond) return;
  if (before == kReportsPerSecond) return journal->Warning("requests-refused-unreported");
  journal->Warning("request-refused", {{"request_id", id},
                                       {"peer_address", peer},
                                       {"reason", std::string(error.kind->id)},
                                       {"detail", error.detail}});
}

void Connection::Refuse(const Error& error) {
  const std::string id = NewRequestId();
  edge_.Report(error, peer_, id);
  const std::shared_ptr<const Answers> answers = edge_.answers.Take();
  Queue(answers ? answers->router.Refuse(error, id) : Problem(error, id), false, false, id);
}

void Connection::Queue(Response response, bool head_only, bool keep_alive, const std::string& id) {
  out_[0] = HeadOf(response, keep_alive, id);
  if (!head_only && response.status != 204) out_[1] = std::move(response.body);
  close_after_ = !keep_alive;
  stage_ = Stage::kSend;
  deadline_ = Clock::now() + edge_.options.send_timeout;
  timed_ = Framer::State::kReady;
}

// Deadlines run from where a stage of the request began, never from its latest byte.
void Connection::Rearm() {
  const Framer::State state = framer_.state();
  // Nothing at all since the accept, or only an empty line: still the time of the first head.
  if (state == timed_ || (state == Framer::State::kIdle && timed_ == Framer::State::kHead)) return;
  timed_ = state;
  const EdgeOptions& options = edge_.options;
  if (state == Framer::State::kIdle) deadline_ = Clock::now() + options.idle_timeout;
  if (state == Framer::State::kHead) deadline_ = Clock::now() + options.header_timeout;
  if (state == Framer::State::kBody) deadline_ = Clock::now() + options.body_timeout;
}

}  // namespace http
