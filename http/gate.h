// Pistache behind a gate: its listener, reactor threads and peers, with every byte of a connection
// read and written by http/connection.
//
// Pistache 0.0.5 spins for ever on a split chunk, drops pipelined requests, desynchronises after a
// 413, shows exceptions to clients, and its writer spins at 100 % of a core while a client does not
// read (measured). So neither its parser nor its writer ever sees a connection: the Gate takes its
// place between reactor and peers.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "http/connection.h"
#include "http/pistache.h"

namespace http {

// One per reactor thread, made by clone(); touched by that thread only.
class Gate final : public Pistache::Tcp::Transport {
 public:
  explicit Gate(std::shared_ptr<Edge> edge);
  ~Gate() override;

  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& fds) override;

 private:
  class Door;  // how Pistache tells of a new peer

  void Adopt(Pistache::Tcp::Peer& peer);
  void Serve(int fd);
  void Act(int fd, Connection::Next next);
  void Close(int fd);
  void Tick();
  void Arm(std::chrono::nanoseconds delay);

  std::shared_ptr<Edge> edge_;
  // Which readiness a connection is told of, besides its end; Pistache registers kRead.
  enum class Interest { kRead, kWrite, kBoth };
  struct Client {
    std::unique_ptr<Connection> connection;
    Interest interest = Interest::kRead;
  };

  void Watch(int fd, Client& client, Interest interest);

  std::unordered_map<int, Client> connections_;
  int timer_ = -1;
  bool ready_ = false;
  Connection::Clock::time_point last_full_{};
};

}  // namespace http
