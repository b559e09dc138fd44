// One request, one answer of any status: how witnesses and places of shipping are spoken to.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "http/fetch.h"
#include "tests/http/canned_server.h"

namespace {

using schema::SendRequest;
using support::CannedServer;
using support::TlsIdentity;

SendRequest Post(const std::string& url, const std::string& body = "hello") {
  SendRequest request;
  request.method = "POST";
  request.url = url;
  request.content_type = "text/plain";
  request.body = body;
  request.timeout = std::chrono::seconds(2);
  return request;
}

SendRequest Get(const std::string& url) {
  SendRequest request = Post(url, "");
  request.method = "GET";
  return request;
}

std::string Answer(const std::string& status, const std::string& fields, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

TEST_CASE("a body arrives octet for octet, and any status is an answer") {
  for (const char* status : {"200 OK", "201 Created", "404 Not Found", "409 Conflict",
                             "422 Unprocessable Content", "500 Oh"}) {
    CAPTURE(status);
    CannedServer server([&](const std::string&) {
      return Answer(status, "Content-Type: text/x.tlog.size\r\n", "7\n");
    });
    const auto sender = http::MakeSender();
    for (const std::string& body : {std::string("a\nb"), std::string(50000, 'x'), std::string()}) {
      const auto answer = sender->Send(Post(server.Url("/add-checkpoint"), body));
      REQUIRE(answer);
      CHECK_EQ(answer->status, std::atoi(status));
      CHECK_EQ(answer->content_type, "text/x.tlog.size");
      CHECK_EQ(answer->body, "7\n");
      const std::string request = server.requests().back();
      CHECK(request.starts_with("POST /add-checkpoint HTTP/1.1\r\n"));
      CHECK_NE(request.find("Content-Type: text/plain\r\n"), std::string::npos);
      CHECK_EQ(request.find("Expect"), std::string::npos);
      CHECK_EQ(request.substr(request.find("\r\n\r\n") + 4), body);
    }
  }
}

TEST_CASE("a GET after a POST on the same thread is a GET, without type and body") {
  CannedServer server([](const std::string&) { return CannedServer::Ok("x"); });
  const auto sender = http::MakeSender();
  REQUIRE(sender->Send(Post(server.Url("/a"))));
  const auto answer = sender->Send(Get(server.Url("/b")));
  REQUIRE(answer);
  CHECK_EQ(answer->content_type, "");
  const std::string request = server.requests().back();
  CHECK(request.starts_with("GET /b HTTP/1.1\r\n"));
  CHECK_EQ(request.find("Content-"), std::string::npos);
  // And a fetcher's request after both.
  schema::FetchRequest fetch;
  fetch.url = server.Url("/c");
  CHECK(http::MakeFetcher()->Get(fetch));
  CHECK(server.requests().back().starts_with("GET /c HTTP/1.1\r\n"));
}

TEST_CASE("redirections are answers, not followed") {
  CannedServer other([](const std::string&) { return CannedServer::Ok("stolen"); });
  CannedServer server([&](const std::string&) { return CannedServer::Redirect(other.Url("/")); });
  const auto answer = http::MakeSender()->Send(Post(server.Url("/")));
  REQUIRE(answer);
  CHECK_EQ(answer->status, 302);
  CHECK(other.paths().empty());
}

TEST_CASE("no answer is an error that says why") {
  CannedServer silent([](const std::string&) { return std::string(); });
  CannedServer large([](const std::string&) { return CannedServer::Ok(std::string(2000, 'x')); });
  CannedServer drip(
      [](const std::string&) { return "drip:" + CannedServer::Ok(std::string(500, 'x')); });
  SendRequest limited = Get(large.Url("/"));
  limited.bytes_max = 1999;
  SendRequest hurried = Get(drip.Url("/"));
  hurried.timeout = std::chrono::milliseconds(300);
  const struct {
    std::string_view name;
    SendRequest request;
    std::string_view why;
  } kCases[] = {
      {"http elsewhere", Post("http://203.0.113.1/"), "http is not allowed"},
      {"another scheme", Get("file:///etc/passwd"), "not"},
      {"a user", Get("https://u:p@127.0.0.1/"), "names a user"},
      {"nobody", Get("http://127.0.0.1:1/"), ""},
      {"a closed connection", Post(silent.Url("/")), ""},
      {"too large", limited, "too large"},
      {"too slow", hurried, ""},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto answer = http::MakeSender()->Send(c.request);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().Is(schema::kFetchFailed));
    CHECK_NE(answer.error().detail.find(c.why), std::string::npos);
  }
}

TEST_CASE("TLS by a private CA") {
  TlsIdentity identity("IP:127.0.0.1");
  CannedServer server([](const std::string&) { return CannedServer::Ok("secret"); }, &identity);
  SendRequest request = Post(server.Url("/"));
  CHECK_FALSE(http::MakeSender()->Send(request));
  const auto file =
      std::filesystem::temp_directory_path() / ("send_test-" + std::to_string(getpid()) + ".pem");
  std::ofstream(file) << identity.ca_pem;
  request.ca_file = file.string();
  const auto answer = http::MakeSender()->Send(request);
  std::filesystem::remove(file);
  REQUIRE(answer);
  CHECK_EQ(answer->body, "secret");
}

}  // namespace
