// One listening endpoint with its threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

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

struct ServerOptions {
  schema::Endpoint listen;  // an IP literal; port 0: any
  int threads =
      32;  // 1 to 255; each runs one route at a time, and a connection stays on its thread
  EdgeOptions edge;
};

class Server {
 public:
  // Listens, and ignores SIGPIPE in the whole process. The journal and what the routes refer to
  // outlive the server.
  static schema::Result<std::unique_ptr<Server>> Start(ServerOptions options, Router router,
                                                       schema::Journal& journal);
  ~Server();  // Stop(), when that was not called; aborts if a thread does not come back
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return edge_->connections; }

  // Idle connections are closed, requests that were begun are answered until `drain` is over, then
  // everything is closed and the threads are joined. kStopTimedOut at most 3 s after that when a
  // route never returns: its thread, and the router it runs in, are then left behind, so the caller
  // must end the process with _exit.
  schema::Outcome Stop(std::chrono::milliseconds drain);

 private:
  Server() = default;

  std::shared_ptr<Edge> edge_;
  std::unique_ptr<Pistache::Tcp::Listener> listener_;
  std::uint16_t port_ = 0;
};

}  // namespace http
