// The gate against the running server, over real sockets. Each case of the first part is something
// that unguarded Pistache 0.0.5 was measured to do wrong; here it is harmless, and the server still
// answers others afterwards.
#include "http/gate.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/http/client.h"
#include "tests/http/test_server.h"

namespace {

using namespace std::chrono_literals;
using support::Ask;
using support::Client;
using support::Reply;
using support::TestServer;

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

std::string Echo(const std::string& id) {
  return "GET /echo?" + id + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string Head(const std::string& lines) {
  return "GET /hello HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string Post(const std::string& lines, const std::string& body) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body;
}

// A refusal: status 400, the problem body, nothing else answered, and a closed connection.
void CheckRefused(TestServer& server, const std::string& bytes, const std::string& id) {
  CAPTURE(bytes.substr(0, 200));
  Client client(server.port());
  client.Send(bytes + kHello);
  const Reply reply = client.Read();
  CHECK(reply.status == 400);
  CHECK(reply.Header("connection") == "close");
  REQUIRE(nlohmann::json::accept(reply.body));
  const auto body = nlohmann::json::parse(reply.body);
  CHECK(body["code"] == 3);
  CHECK(body["details"] == nlohmann::json::array());
  const std::string message = body["message"];
  CHECK(message.find("[" + id + "; request " + reply.Header("x-request-id") + "]") !=
        std::string::npos);
  CHECK(client.ReadAll().empty());
}

void CheckAlive(TestServer& server) {
  // One connection for each thread: a spinning or wedged one would miss its turn.
  for (int i = 0; i < 8; ++i) CHECK(Ask(server.port(), kHello).body == "hello");
}

}  // namespace

TEST_CASE("a chunk whose CRLF is cut over two segments") {
  TestServer server;
  for (int i = 0; i < 8; ++i) {
    Client client(server.port());
    client.Send(Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r"));
    std::this_thread::sleep_for(20ms);
    client.Send("\n0\r\n\r\n");
    CHECK(client.Read().body == ":hello");
  }
  for (int i = 0; i < 8; ++i) {
    Client client(server.port());
    client.Send(Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r"));
    std::this_thread::sleep_for(5ms);
  }
  CheckAlive(server);
  CHECK(server.server->Stop(1s));  // and the threads come back
}

TEST_CASE("a segment that ends in CR where a buffer is full") {
  TestServer server;
  for (const std::size_t size : {512, 1024, 2048, 4096, 8192, 16384}) {
    CAPTURE(size);
    const std::string start = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
    Client client(server.port());
    client.Send(start + std::string(size - start.size() - 1, 'x') + "\r");
    std::this_thread::sleep_for(10ms);
    client.Send("\n\r\n");
    CHECK(client.Read().body == "hello");
  }
}

TEST_CASE("pipelined requests are all answered, in order") {
  TestServer server;
  Client client(server.port());
  std::string all;
  for (int i = 0; i < 3; ++i) all += Echo(std::to_string(i));
  client.Send(all);
  for (int i = 0; i < 3; ++i) CHECK(client.Read().body == std::to_string(i));

  // More than one turn, some slow, with bodies of both kinds between.
  std::string many = "GET /sleep?20 HTTP/1.1\r\nHost: a\r\n\r\n";
  for (int i = 0; i < 100; ++i) {
    many += Echo(std::to_string(i)) + Post("Content-Length: 2\r\n", "ab") +
            Post("Transfer-Encoding: chunked\r\n", "2\r\ncd\r\n0\r\n\r\n");
  }
  client.Send(many);
  CHECK(client.Read().body == "20");
  for (int i = 0; i < 100; ++i) {
    CHECK(client.Read().body == std::to_string(i));
    CHECK(client.Read().body == ":ab");
    CHECK(client.Read().body == ":cd");
  }
}

TEST_CASE("the last CRLF of a chunked body in its own segment") {
  TestServer server;
  Client client(server.port());
  client.Send(Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n"));
  std::this_thread::sleep_for(20ms);
  client.Send("\r\n");
  CHECK(client.Read().body == ":hello");
  client.Send(Echo("next"));
  CHECK(client.Read().body == "next");
}

TEST_CASE("a body above the limit is refused and never read as a request") {
  TestServer server;
  CheckRefused(server, Post("Content-Length: 65537\r\n", std::string(65537, 'x')),
               "body-too-large");
  CheckRefused(server, Post("Transfer-Encoding: chunked\r\n", "10001\r\n"), "body-too-large");
  CheckRefused(server, Post("Content-Length: 10000000000\r\n", ""), "body-too-large");
  SUBCASE("5 MB") {
    Client client(server.port());
    client.Send(Post("Content-Length: 5000000\r\n", std::string(5'000'000, 'x')));
    CHECK(client.Read().status == 400);
    CHECK(client.ReadAll().empty());
  }
  CheckAlive(server);
}

TEST_CASE("ambiguous lengths") {
  TestServer server;
  for (const char* lines :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: abc\r\n",
        "Content-Length:\r\n", "Content-Length: -1\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"}) {
    CheckRefused(server, Post(lines, "hello"), "bad-length");
  }
  CheckRefused(server, Post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), "bad-header");
}

TEST_CASE("malformed heads") {
  TestServer server;
  CheckRefused(server, Head("nothing\r\n"), "bad-header");
  CheckRefused(server, Head(std::string("X: a\0b\r\n", 9)), "bad-header");
  CheckRefused(server, "GET /hello HTTP/1.1\r\n\r\n", "bad-host");
  CheckRefused(server, "GET /hello HTTP/1.1\r\nHost: a:99999\r\n\r\n", "bad-host");
  CheckRefused(server, "GET /hello\r\nHost: a\r\n\r\n", "bad-request-line");
  CheckRefused(server, "GET /hello H\r\nHost: a\r\n\r\n", "bad-version");
  CheckRefused(server, Head("X: " + std::string(40'000, 'x') + "\r\n"), "head-too-large");
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "A: b\r\n";
  CheckRefused(server, Head(deep), "head-too-large");
  CheckAlive(server);
}

TEST_CASE("headers that Pistache cannot read mean nothing here") {
  TestServer server;
  for (const char* line :
       {"Date: never", "Cache-Control: what=?", "Content-Type: nonsense", "Accept: ///;q=x",
        "Cookie: ;;;===", "Authorization: ", "User-Agent:", "Access-Control-Allow-Origin: x"}) {
    CAPTURE(line);
    CHECK(Ask(server.port(), Head(line + std::string("\r\n"))).body == "hello");
  }
}

TEST_CASE("an exception in a route stays inside") {
  TestServer server;
  const Reply reply = Ask(server.port(), "GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(reply.status == 500);
  CHECK(reply.body.find("secret") == std::string::npos);
  CHECK(nlohmann::json::parse(reply.body)["code"] == 13);
  bool told = false;
  for (const std::string& line : server.journal.lines()) {
    told = told || (line.find("secret detail") != std::string::npos &&
                    line.find(reply.Header("x-request-id")) != std::string::npos);
  }
  CHECK(told);
}

TEST_CASE("Expect: 100-continue") {
  TestServer server;
  Client client(server.port());
  client.Send(Post("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  CHECK(client.Read().status == 100);
  client.Send("hello");
  CHECK(client.Read().body == ":hello");
  client.Send(Post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"));
  CHECK(client.Read().status == 200);
  CheckRefused(server, Post("Expect: 100-continue\r\nContent-Length: 99999\r\n", ""),
               "body-too-large");
  CheckRefused(server, Post("Expect: something\r\nContent-Length: 5\r\n", "hello"), "bad-expect");
}

TEST_CASE("HEAD has the headers of GET and no body") {
  TestServer server;
  Client client(server.port());
  client.Send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + Echo("next"));
  const Reply reply = client.Read(true);
  CHECK(reply.status == 200);
  CHECK(reply.Header("content-length") == "5");
  CHECK(client.Read().body == "next");
}

TEST_CASE("the connection lives as long as it says") {
  TestServer server;
  struct Row {
    std::string bytes;
    bool closes;
  };
  for (const Row& row : std::vector<Row>{
           {kHello, false},
           {Head("Connection: close\r\n"), true},
           {Head("Connection: Close\r\n"), true},
           {"GET /hello HTTP/1.0\r\n\r\n", true},
           {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
       }) {
    CAPTURE(row.bytes);
    Client client(server.port());
    client.Send(row.bytes);
    const Reply reply = client.Read();
    CHECK(reply.body == "hello");
    CHECK(reply.Header("connection") == (row.closes ? "close" : "keep-alive"));
    CHECK(client.ClosedWithin(100ms) == row.closes);
  }
}

TEST_CASE("a half-closed client still gets its answers") {
  TestServer server;
  Client client(server.port());
  client.Send(Echo("1") + "GET /sleep?50 HTTP/1.1\r\nHost: a\r\n\r\n" + Echo("2"));
  client.HalfClose();
  CHECK(client.Read().body == "1");
  CHECK(client.Read().body == "50");
  CHECK(client.Read().body == "2");
  CHECK(client.ClosedWithin(1s));

  Client big(server.port());  // more than the socket takes at once
  big.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  big.HalfClose();
  CHECK(big.Read().body.size() == 20'000'000);

  Client unfinished(server.port());
  unfinished.Send(kHello.substr(0, 10));
  unfinished.HalfClose();
  CHECK(unfinished.ClosedWithin(500ms));
}

TEST_CASE("escapes of unreserved characters are decoded, others are not") {
  TestServer server;
  CHECK(Ask(server.port(), "GET /%68ello HTTP/1.1\r\nHost: a\r\n\r\n").body == "hello");
  CHECK(Ask(server.port(), "GET %2Fhello HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(Ask(server.port(), "GET /%2Fhello HTTP/1.1\r\nHost: a\r\n\r\n").status == 404);
}

TEST_CASE("a request cut at every byte") {
  TestServer server;
  const std::vector<std::string> requests = {
      Post("Content-Length: 5\r\n", "hello"),
      Post("Transfer-Encoding: chunked\r\n", "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n"),
  };
  for (const std::string& request : requests) {
    Client client(server.port());
    for (std::size_t cut = 1; cut < request.size(); ++cut) {
      CAPTURE(cut);
      client.Send(request.substr(0, cut));
      std::this_thread::sleep_for(1ms);
      client.Send(request.substr(cut));
      CHECK(client.Read().body == ":hello");
    }
  }
}

TEST_CASE("every answer is whole") {
  TestServer server;
  const Reply hello = Ask(server.port(), kHello);
  const std::string id = hello.Header("x-request-id");
  CHECK(id.size() == 20);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(id != Ask(server.port(), kHello).Header("x-request-id"));
  CHECK(hello.Header("content-type") == "text/plain");
  const std::string date = hello.Header("date");
  CHECK(date.size() == std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").size());
  CHECK(date.ends_with(" gmt"));
  const Reply empty = Ask(server.port(), "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(empty.status == 204);
  CHECK(empty.Header("content-length") == "");
  CHECK(Ask(server.port(), "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n").Header("retry-after") == "1");
  CHECK(Ask(server.port(), "PUT /hello HTTP/1.1\r\nHost: a\r\n\r\n").Header("allow") ==
        "get, head, options");
}

TEST_CASE("an origin is allowed where the endpoint says so, also in errors of framing") {
  TestServer server(TestServer::Quick(), "127.0.0.1", {}, true);
  CHECK(Ask(server.port(), kHello).Header("access-control-allow-origin") == "*");
  CHECK(Ask(server.port(), "BAD\r\n\r\n").Header("access-control-allow-origin") == "*");
  const Reply preflight = Ask(server.port(),
                              "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: https://x\r\n"
                              "Access-Control-Request-Method: POST\r\n\r\n");
  CHECK(preflight.status == 204);
  CHECK(preflight.Header("access-control-allow-headers") ==
        "accept, content-type, x-requested-with, authorization");
}

TEST_CASE("over IPv6") {
  TestServer server(TestServer::Quick(), "::1");
  Client client(server.port(), 0, "::1");
  client.Send(Echo("six"));
  const Reply reply = client.Read();
  CHECK(reply.body == "six");
  CHECK(reply.Header("x-peer") == "::1");
  CHECK_FALSE(Client(server.port()).connected());  // and not on 127.0.0.1
}

TEST_CASE("observed: every answered request, with its time") {
  std::atomic<int> seen = 0;
  TestServer server(
      TestServer::Quick(), "127.0.0.1",
      [&seen](const http::Request& request, const http::Response& response, double seconds) {
        seen += request.path == "/sleep" && response.status == 200 && seconds > 0.02;
      });
  Ask(server.port(), "GET /sleep?30 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(seen == 1);
}
