#include "http/fetch.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "schema/base/file.h"
#include "tests/http/canned_server.h"

namespace {

using namespace std::chrono_literals;
using schema::FetchRequest;
using support::CannedServer;
using support::TlsIdentity;

FetchRequest For(const std::string& url) {
  FetchRequest request;
  request.url = url;
  request.timeout = 2s;
  return request;
}

void CheckFails(const FetchRequest& request, const std::string& reason) {
  CAPTURE(request.url);
  const auto body = http::MakeFetcher()->Get(request);
  REQUIRE_FALSE(body);
  CHECK(body.error().Is(schema::kFetchFailed));
  CAPTURE(body.error().detail);
  CHECK(body.error().detail.find(reason) != std::string::npos);
}

struct TemporaryFile {
  explicit TemporaryFile(const std::string& text)
      : path(std::filesystem::temp_directory_path() /
             ("fetch_test-" + std::to_string(getpid()) + ".pem")) {
    std::ofstream(path) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("a document over loopback http") {
  CannedServer server(
      [](const std::string& path) { return CannedServer::Ok("you asked " + path); });
  const auto fetcher = http::MakeFetcher();
  for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST"}) {
    const auto body = fetcher->Get(For(server.Url("/a?b", host)));
    REQUIRE(body);
    CHECK(*body == "you asked /a?b");
  }
}

TEST_CASE(
    "plain http elsewhere, other schemes, users and nonsense are refused before anything is sent") {
  for (const char* url : {"http://203.0.113.1/", "http://example.test/",
                          "http://127.0.0.1.example.test/", "http://localhost.example.test/"}) {
    CheckFails(For(url), "http is not allowed");
  }
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                          "data:,x", "", "//x", "127.0.0.1/x", "https://", "http://user@127.0.0.1/",
                          "https://u:p@127.0.0.1/", "https://127.0.0.1:99999/"}) {
    const auto body = http::MakeFetcher()->Get(For(url));
    CAPTURE(url);
    CHECK_FALSE(body);
  }
}

TEST_CASE("an issuer may allow plain http to any host") {
  FetchRequest request = For("http://name.invalid/");
  request.allow_http = true;
  CheckFails(request, "name.invalid");  // it tried
}

TEST_CASE("only 200 is an answer") {
  for (const char* status :
       {"201 Created", "204 No Content", "206 Partial", "301 Moved", "404 No", "500 Oh"}) {
    CAPTURE(status);
    CannedServer server([&](const std::string&) {
      return "HTTP/1.1 " + std::string(status) +
             "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    });
    CheckFails(For(server.Url("/")), "status " + std::string(status).substr(0, 3));
  }
  CannedServer silent([](const std::string&) { return std::string(); });
  CheckFails(For(silent.Url("/")), "");
  CannedServer cut([](const std::string&) { return CannedServer::Ok("0123456789").substr(0, 63); });
  CheckFails(For(cut.Url("/")), "");
  CannedServer babble([](const std::string&) { return std::string("not http at all\r\n\r\n"); });
  CheckFails(For(babble.Url("/")), "");
}

TEST_CASE("redirections: the same place, three at most") {
  CannedServer server([](const std::string& path) {
    const int left = std::atoi(path.c_str() + 1);
    return left > 0 ? CannedServer::Redirect("/" + std::to_string(left - 1))
                    : CannedServer::Ok("there");
  });
  const auto body = http::MakeFetcher()->Get(For(server.Url("/3")));
  REQUIRE(body);
  CHECK(*body == "there");
  CHECK(server.paths() == std::vector<std::string>{"/3", "/2", "/1", "/0"});
  CheckFails(For(server.Url("/4")), "too many redirections");
}

TEST_CASE("redirections elsewhere are not followed") {
  CannedServer other([](const std::string&) { return CannedServer::Ok("stolen"); });
  const std::string port = std::to_string(other.port());
  for (const std::string& target :
       {other.Url("/"), "http://localhost:" + port + "/", std::string("https://127.0.0.1/"),
        "//127.0.0.1:" + port + "/", std::string("file:///etc/passwd"),
        std::string("http://203.0.113.1/"), "http://user@127.0.0.1:" + port + "/"}) {
    CannedServer server([&](const std::string&) { return CannedServer::Redirect(target); });
    CheckFails(For(server.Url("/")), "redirected elsewhere");
  }
  CHECK(other.paths().empty());
}

TEST_CASE("the size is capped while it streams") {
  CannedServer server([](const std::string& path) {
    const std::string body(static_cast<std::size_t>(std::atoi(path.c_str() + 1)), 'x');
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body;  // says no length
  });
  FetchRequest request = For(server.Url("/1000"));
  request.bytes_max = 1000;
  const auto body = http::MakeFetcher()->Get(request);
  REQUIRE(body);
  CHECK(body->size() == 1000);
  request.bytes_max = 999;
  CheckFails(request, "too large");
  request.url = server.Url("/50000000");
  CheckFails(request, "too large");
}

TEST_CASE("endless header fields are cut") {
  CannedServer server([](const std::string&) {
    std::string answer = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 3000; ++i)
      answer += "X-" + std::to_string(i) + ": " + std::string(40, 'x') + "\r\n";
    return answer + "Content-Length: 0\r\n\r\n";
  });
  CheckFails(For(server.Url("/")), "too large");
}

TEST_CASE("the time is bounded, over redirections too") {
  CannedServer server([](const std::string& path) {
    if (path == "/slow") std::this_thread::sleep_for(150ms);
    return path == "/slow" ? CannedServer::Redirect("/slow")
                           : "drip:" + CannedServer::Ok(std::string(500, 'x'));
  });
  for (const char* path : {"/drip", "/slow"}) {
    FetchRequest request = For(server.Url(path));
    request.timeout = 400ms;
    const auto start = std::chrono::steady_clock::now();
    CheckFails(request, "");
    CHECK(std::chrono::steady_clock::now() - start < 1s);
  }
}

TEST_CASE("the environment's proxy is not asked") {
  CannedServer proxy([](const std::string&) { return CannedServer::Ok("from the proxy"); });
  CannedServer server([](const std::string&) { return CannedServer::Ok("direct"); });
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) {
    setenv(name, proxy.Url("").c_str(), 1);
  }
  setenv("no_proxy", "", 1);
  const auto body = http::MakeFetcher()->Get(For(server.Url("/")));
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy"})
    unsetenv(name);
  REQUIRE(body);
  CHECK(*body == "direct");
  CHECK(proxy.paths().empty());
}

TEST_CASE("TLS: the private CA, from a file or from text, and nobody else's") {
  TlsIdentity identity("IP:127.0.0.1");
  TlsIdentity stranger("IP:127.0.0.1");
  CannedServer server([](const std::string&) { return CannedServer::Ok("secret garden"); },
                      &identity);
  const auto fetcher = http::MakeFetcher();
  FetchRequest request = For(server.Url("/"));

  request.ca_pem = identity.ca_pem;
  CHECK(*fetcher->Get(request) == "secret garden");

  // A connection that was trusted for one request is not reused for one that trusts others.
  request.ca_pem = stranger.ca_pem;
  CHECK_FALSE(fetcher->Get(request));
  request.ca_pem = "";
  CHECK_FALSE(fetcher->Get(request));

  const TemporaryFile file(identity.ca_pem);
  request.ca_file = file.path.string();
  CHECK(*fetcher->Get(request) == "secret garden");
  request.ca_pem = stranger.ca_pem;  // besides the file
  CHECK(*fetcher->Get(request) == "secret garden");

  request.ca_file = "/no/such/file.pem";
  const auto unreadable = fetcher->Get(request);
  REQUIRE_FALSE(unreadable);
  CHECK(unreadable.error().Is(schema::kFileUnreadable));
}

TEST_CASE("TLS: the name must be the certificate's") {
  TlsIdentity identity("DNS:elsewhere.test");
  CannedServer server([](const std::string&) { return CannedServer::Ok("no"); }, &identity);
  FetchRequest request = For(server.Url("/"));
  request.ca_pem = identity.ca_pem;
  CheckFails(request, "");
  CHECK(server.paths().empty());
}

TEST_CASE("TLS does not fall back to http") {
  TlsIdentity identity("IP:127.0.0.1");
  CannedServer plain([](const std::string&) { return CannedServer::Ok("plain"); });
  CannedServer secure([&](const std::string&) { return CannedServer::Redirect(plain.Url("/")); },
                      &identity);
  FetchRequest request = For(secure.Url("/"));
  request.ca_pem = identity.ca_pem;
  CheckFails(request, "redirected elsewhere");
  CHECK(plain.paths().empty());
}

TEST_CASE("many threads, one fetcher") {
  CannedServer server([](const std::string& path) { return CannedServer::Ok(path); });
  const auto fetcher = http::MakeFetcher();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        const std::string path = "/" + std::to_string(i) + "-" + std::to_string(j);
        const auto body = fetcher->Get(For(server.Url(path)));
        if (body && *body == path) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 160);
}
