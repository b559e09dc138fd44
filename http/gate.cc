#include "http/gate.h"

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <exception>
#include <utility>
#include <vector>

namespace http {
namespace {

using Pistache::Polling::Mode;
using Pistache::Polling::NotifyOn;

constexpr std::chrono::milliseconds kTick{200};

}  // namespace

class Gate::Door final : public Pistache::Tcp::Handler {
 public:
  void onConnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    static_cast<Gate*>(transport())->Adopt(*peer);
  }
  // Gate::onReady keeps every byte from the base class that would call this.
  void onInput(const char*, std::size_t, const std::shared_ptr<Pistache::Tcp::Peer>&) override {
    MUST(false);
  }
  std::shared_ptr<Pistache::Tcp::Handler> clone() const override {
    return std::make_shared<Door>();
  }
};

Gate::Gate(std::shared_ptr<Edge> edge)
    : Transport(std::make_shared<Door>()), edge_(std::move(edge)) {}

Gate::~Gate() {
  if (timer_ >= 0) close(timer_);
}

std::shared_ptr<Pistache::Aio::Handler> Gate::clone() const {
  return std::make_shared<Gate>(edge_);
}

void Gate::registerPoller(Pistache::Polling::Epoll& poller) {
  Transport::registerPoller(poller);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  MUST(timer_ >= 0);
  poller.addFd(timer_, Pistache::Flags<NotifyOn>(NotifyOn::Read),
               Pistache::Polling::Tag(static_cast<std::uint64_t>(timer_)));
  Arm(std::chrono::nanoseconds(1));  // the first event tells that the thread runs
}

void Gate::Arm(std::chrono::nanoseconds delay) {
  itimerspec spec{};
  spec.it_value.tv_sec = delay.count() / 1'000'000'000;
  spec.it_value.tv_nsec = delay.count() % 1'000'000'000;
  MUST(timerfd_settime(timer_, 0, &spec, nullptr) == 0);
}

void Gate::onReady(const Pistache::Aio::FdSet& fds) {
  // Not left to the first tick: clients that come and go put the timer off each time.
  if (!std::exchange(ready_, true)) ++edge_->threads_ready;
  std::vector<Pistache::Polling::Event> others;
  bool tick = false;
  for (const auto& entry : fds) {
    const int fd = static_cast<int>(entry.getTag().value());
    if (fd == timer_) {
      tick = true;
    } else if (peers.contains(fd)) {
      Serve(fd);
    } else if (entry.isReadable()) {
      others.emplace_back(entry.getTag());
      others.back().flags.setFlag(NotifyOn::Read);
    }
  }
  if (!others.empty()) Transport::onReady(Pistache::Aio::FdSet(std::move(others)));
  // Last: what it closes must not meet an event of this batch.
  if (tick) Tick();
}

// Called before Pistache registers the socket, which therefore must stay open here.
void Gate::Adopt(Pistache::Tcp::Peer& peer) {
  const int fd = peer.fd();
  const auto now = Connection::Clock::now();
  if (edge_->draining || edge_->connections.load() >= edge_->options.connections_max) {
    shutdown(fd, SHUT_RDWR);  // becomes an event at once, and Serve closes it
    if (!edge_->draining && now - last_full_ > std::chrono::minutes(1)) {
      last_full_ = now;
      edge_->journal->Warning("connections-full",
                              {{"max", std::to_string(edge_->options.connections_max)}});
    }
    return;
  }
  ++edge_->connections;
  if (connections_.empty()) Arm(kTick);
  connections_[fd] = Client{std::make_unique<Connection>(fd, *edge_, now)};
}

void Gate::Serve(int fd) {
  const auto found = connections_.find(fd);
  Act(fd,
      found == connections_.end() ? Connection::Next::kClose : found->second.connection->OnReady());
}

void Gate::Act(int fd, Connection::Next next) {
  if (next == Connection::Next::kClose) return Close(fd);
  Client& client = connections_.at(fd);
  if (next == Connection::Next::kAgain) return Watch(fd, client, Interest::kBoth);
  const bool sending = client.connection->sending();
  if (sending && client.interest != Interest::kWrite) {
    // Bytes that wait to be read while it cannot be answered are no event.
    Watch(fd, client, Interest::kWrite);
  } else if (!sending && client.interest == Interest::kWrite) {
    Watch(fd, client, Interest::kRead);
  }
}

// Modifying an edge-triggered interest reports what is ready already. For kAgain that brings the
// turn back after the others'; done at each event of a socket that stays as it is, it would be a
// loop without end.
void Gate::Watch(int fd, Client& client, Interest interest) {
  client.interest = interest;
  Pistache::Flags<NotifyOn> events(NotifyOn::Shutdown);
  if (interest != Interest::kWrite) events.setFlag(NotifyOn::Read);
  if (interest != Interest::kRead) events.setFlag(NotifyOn::Write);
  reactor()->modifyFd(key(), fd, events, Mode::Edge);
}

void Gate::Close(int fd) {
  if (connections_.erase(fd) > 0) --edge_->connections;
  const auto peer = peers.at(fd);
  removePeer(peer);
}

void Gate::Tick() {
  std::uint64_t expirations = 0;
  if (read(timer_, &expirations, sizeof(expirations)) < 0) return;  // re-armed meanwhile
  const auto now = Connection::Clock::now();
  std::vector<std::pair<int, Connection::Next>> due;
  for (const auto& [fd, client] : connections_) {
    // A refusal of what came too slowly may find the socket full.
    const auto next = client.connection->OnTick(now);
    if (next != Connection::Next::kWait || client.connection->sending()) due.emplace_back(fd, next);
  }
  for (const auto& [fd, next] : due) Act(fd, next);
  if (!connections_.empty()) Arm(kTick);
}

}  // namespace http
