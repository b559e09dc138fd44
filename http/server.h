// One listening endpoint with its threads.
#pragma once

#include <chrono>
#include <memory>
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
  bool cors = false;                             // Router::AllowEveryOrigin
  std::vector<schema::Network> trusted_proxies;  // http/proxy.h
};

class Server {
 public:
  static constexpr std::chrono::milliseconds kDrain{5000};

  // Listens, and ignores SIGPIPE in the whole process. The journal and what the routes refer to
  // outlive the server. `listen.host` is an IP literal; port 0: any.
  static schema::Result<std::unique_ptr<Server>> Start(const schema::Endpoint& listen,
                                                       Router router, schema::Journal& journal,
                                                       ServerOptions options);
  // Stop(kDrain); aborts on kStopTimedOut, because the routes' surroundings are about to go.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // As configured, with the port that was found.
  const schema::Endpoint& address() const { return address_; }
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
  schema::Endpoint address_{};
};

}  // namespace http
