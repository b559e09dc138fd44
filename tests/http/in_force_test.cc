// What answers is exchanged between two requests: none is refused, none meets parts of both.
#include "http/in_force.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/http/client.h"
#include "tests/http/test_server.h"

namespace {

using http::Answers;
using http::Request;
using http::Response;
using support::Ask;
using support::Client;
using support::Get;
using support::TestServer;
using namespace std::chrono_literals;

Answers Saying(const std::string& text) {
  Answers answers;
  answers.router.Add("GET", "/hello", [text](const Request&) {
    return Response{200, "text/plain", text, {}};
  });
  return answers;
}

TEST_CASE("an exchange waits for the last request, and new ones wait for the exchange") {
  TestServer server;
  Client slow(server.port());
  slow.Send(Get("/wait"));
  while (*server.entered == 0) std::this_thread::sleep_for(1ms);
  CHECK_FALSE(server.server->Withdraw(50ms));  // and what was in force is again
  CHECK_EQ(Ask(server.port(), Get("/hello")).body, "hello");

  std::atomic<bool> withdrawn = false;
  std::thread exchange([&] { withdrawn = server.server->Withdraw(10s); });
  std::this_thread::sleep_for(50ms);
  CHECK_FALSE(withdrawn);
  Client late(server.port());
  late.Send(Get("/hello"));
  *server.release = true;
  CHECK_EQ(slow.Read().body, "released");
  exchange.join();
  CHECK(withdrawn);
  server.server->Put(Saying("after"));
  CHECK_EQ(late.Read().body, "after");
}

TEST_CASE("who waits longer than a request may is told to come back") {
  http::InForce in_force(Saying("one"));
  REQUIRE(in_force.Withdraw(1s));
  CHECK_EQ(in_force.Take(20ms), nullptr);
  in_force.Put(Saying("two"));
  CHECK_NE(in_force.Take(20ms), nullptr);
}

TEST_CASE("under load every request is answered, by one side of the exchange") {
  TestServer server;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0, answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      Client client(server.port());
      while (!done) {
        client.Send(Get("/hello"));
        const auto reply = client.Read();
        wrong += reply.status == 200 ? 0 : 1;
        ++answered;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    REQUIRE(server.server->Withdraw(5s));
    const int before = answered;
    server.server->Put(Saying(std::to_string(i)));
    while (answered < before + 4) std::this_thread::yield();
  }
  done = true;
  for (std::thread& client : clients) client.join();
  CHECK_EQ(wrong, 0);
}

}  // namespace
