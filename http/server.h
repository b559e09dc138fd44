// One listening endpoint with its threads.
#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "schema/config.h"

namespace Pistache::Tcp {
class Listener;
}

namespace http {

extern const schema::ErrorKind
    kCannotListen;  // kUs: no such address, port in use, too few file descriptors
extern const schema::ErrorKind
    kStopTimedOut;  // kUs: a thread did not come back; leave without running destructors

struct ServerOptions : EdgeOptions {
  int threads =
      32;  // 1 to 255; each runs one route at a time, and a connection stays on its thread
};

class Server {
 public:
  static constexpr std::chrono::milliseconds kDrain{5000};

  // Listens, and ignores SIGPIPE in the whole process. The journal and what the routes refer to
  // outlive the server. `listen.host` is an IP literal; port 0: any.
  static schema::Result<std::unique_ptr<Server>> Start(const schema::Endpoint& listen,
                                                       Answers answers, schema::Journal& journal,
                                                       const ServerOptions& options);
  // Stop(kDrain); aborts on kStopTimedOut, because the routes' surroundings are about to go.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // As configured, with the port that was found.
  const schema::Endpoint& address() const { return address_; }
  int connections() const { return edge_->connections; }

  // For an exchange of what answers (http/in_force.h): nothing is refused, new requests wait.
  bool Withdraw(std::chrono::milliseconds limit) { return edge_->answers.Withdraw(limit); }
  void Put(Answers next) { edge_->answers.Put(std::move(next)); }

  // Idle connections are closed, requests that were begun are answered until `drain` is over, then
  // everything is closed and the threads are joined. kStopTimedOut at most 3 s after that when a
  // route never returns: its thread, and the router it runs in, are then left behind, so the caller
  // must end the process with _exit.
  schema::Outcome Stop(std::chrono::milliseconds drain);

 private:
  Server() = default;

  std::shared_ptr<Edge> edge_;
  std::unique_ptr<Pistache::Tcp::Listener> listener_;
  schema::Endpoint address_{};
};

}  // namespace http
