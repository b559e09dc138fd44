#include "http/server.h"

#include <arpa/inet.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <future>
#include <thread>
#include <utility>

#include "http/gate.h"
#include "http/pistache.h"

namespace http {

using schema::Error;
using schema::ErrorKind;
using schema::Outcome;
using schema::Result;

const ErrorKind kCannotListen{"cannot-listen", schema::Fault::kUs,
                              "the server cannot listen at the configured address"};
const ErrorKind kStopTimedOut{"stop-timed-out", schema::Fault::kUs,
                              "a request did not end in time"};

namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 1024;
constexpr int kSpareFiles =
    512;  // database, signers, poll and timer descriptors, the other endpoints' threads

template <class Condition>
bool WaitFor(Condition condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// At the limit of file descriptors Pistache's accept loop spins; the connection limit must come
// first.
Outcome RaiseFileLimit(int connections) {
  rlimit limit{};
  MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlim_t wanted = static_cast<rlim_t>(connections) + kSpareFiles;
  // All that is allowed: other endpoints of the process need theirs too.
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_max < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Error{&kCannotListen,
                 "needs " + std::to_string(wanted) + " file descriptors (ulimit -n)"};
  }
  return schema::Ok();
}

// Pistache resolves host names and takes "::1" for a host without port: only literals pass, IPv6 in
// brackets.
Result<std::string> Literal(const schema::Endpoint& endpoint) {
  in6_addr address{};
  const std::string port = ":" + std::to_string(endpoint.port);
  if (inet_pton(AF_INET, endpoint.host.c_str(), &address) == 1) return endpoint.host + port;
  if (inet_pton(AF_INET6, endpoint.host.c_str(), &address) == 1)
    return "[" + endpoint.host + "]" + port;
  return Error{&kCannotListen, endpoint.host + " is not an IP address"};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const schema::Endpoint& listen, Answers answers,
                                              schema::Journal& journal,
                                              const ServerOptions& options) {
  TRY(const std::string address, Literal(listen));
  TRY(RaiseFileLimit(options.connections_max));
  MUST(options.threads >= 1 && options.threads <= 255);
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Server> server(new Server());
  server->edge_ = std::make_shared<Edge>(options, std::move(answers), journal);
  using Flag = Pistache::Tcp::Options;
  try {
    auto listener = std::make_unique<Pistache::Tcp::Listener>(Pistache::Address(address));
    listener->init(static_cast<std::size_t>(options.threads),
                   Pistache::Flags<Flag>(Flag::NoDelay | Flag::ReuseAddr | Flag::CloseOnExec),
                   "http", kBacklog);
    listener->setTransportFactory([edge = server->edge_] { return std::make_shared<Gate>(edge); });
    listener->bind();
    server->address_ = {listen.host, listener->getPort()};
    listener->runThreaded();
    server->listener_ = std::move(listener);
  } catch (const std::exception& exception) {
    return Error{&kCannotListen, address + ": " + exception.what()};
  }
  // A shutdown before all threads run would be lost.
  MUST(WaitFor([&] { return server->edge_->threads_ready == options.threads; }, 30s));
  return server;
}

Outcome Server::Stop(std::chrono::milliseconds drain) {
  if (!listener_) return schema::Ok();
  edge_->draining = true;
  WaitFor([this] { return edge_->connections == 0; }, drain);
  edge_->closing = true;
  WaitFor([this] { return edge_->connections == 0; }, 1s);
  // Pistache's destructor joins its threads without a limit; so somebody else waits for it.
  auto joined = std::make_shared<std::promise<void>>();
  auto done = joined->get_future();
  std::thread([listener = std::move(listener_), joined]() mutable {
    listener->shutdown();
    listener.reset();
    joined->set_value();
  }).detach();
  if (done.wait_for(2s) != std::future_status::ready) return Error{&kStopTimedOut, ""};
  return schema::Ok();
}

Server::~Server() { MUST(Stop(kDrain)); }

}  // namespace http
