#include "tests/http/test_server.h"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace support {

using http::Request;
using http::Response;
using namespace std::chrono_literals;

http::ServerOptions TestServer::Quick() {
  http::ServerOptions options;
  options.threads = 4;
  options.header_timeout = 1s;
  options.body_timeout = 1s;
  options.idle_timeout = 5s;
  options.send_timeout = 1s;
  return options;
}

TestServer::TestServer(const http::ServerOptions& options, const char* host,
                       decltype(http::Answers::on_answer) on_answer, bool every_origin) {
  http::Router router;
  if (every_origin) router.AllowEveryOrigin();
  router.Add("GET", "/hello", [](const Request&) {
    return Response{200, "text/plain", "hello", {}};
  });
  // Says what it got, so that a test sees whose request was answered.
  router.Add("POST", "/echo", [](const Request& request) {
    return Response{200, "text/plain", request.query + ":" + request.body, {}};
  });
  router.Add("GET", "/echo", [](const Request& request) {
    return Response{200, "text/plain", request.query, {{"X-Peer", request.client_address}}};
  });
  router.Add("GET", "/big", [](const Request&) {
    return Response{200, "application/octet-stream", std::string(20'000'000, 'x'), {}};
  });
  router.Add("GET", "/throw",
             [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
  router.Add("GET", "/busy", [](const Request&) {
    return Response{503, "", "", {{"Retry-After", "1"}}};
  });
  router.Add("GET", "/empty", [](const Request&) { return Response{204, "", "", {}}; });
  // Milliseconds in the query.
  router.Add("GET", "/sleep", [](const Request& request) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(request.query)));
    return Response{200, "text/plain", request.query, {}};
  });
  router.Add("GET", "/wait", [entered = entered, release = release](const Request&) {
    ++*entered;
    while (!*release) std::this_thread::sleep_for(1ms);
    return Response{200, "text/plain", "released", {}};
  });
  auto started = http::Server::Start({host, 0}, {std::move(router), std::move(on_answer), {}},
                                     journal, options);
  REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().Describe()));
  server = *std::move(started);
}

}  // namespace support
