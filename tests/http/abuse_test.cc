// Clients that mean harm or merely die, many at once: nobody else may notice, nothing may grow.
#include <dirent.h>
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <deque>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/client.h"
#include "tests/http/test_server.h"

namespace {

using namespace std::chrono_literals;
using support::Ask;
using support::Client;
using support::Get;
using support::Reply;
using support::TestServer;
using Clock = std::chrono::steady_clock;

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

// Open descriptors of this process, or only its sockets.
int OpenFiles(bool sockets = false) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    count += !gone && (!sockets || target.starts_with("socket:"));
  }
  return count;
}

template <class Condition>
bool Soon(Condition condition, std::chrono::milliseconds limit = 5s) {
  const auto end = Clock::now() + limit;
  while (!condition() && Clock::now() < end) std::this_thread::sleep_for(5ms);
  return condition();
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

TEST_CASE("1,000 idle connections while another client works") {
  TestServer server;
  std::deque<Client> idle;
  for (int i = 0; i < 1000; ++i) idle.emplace_back(server.port());
  REQUIRE(Soon([&] { return server.server->connections() == 1000; }));
  Client worker(server.port());
  const auto start = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    worker.Send(Get("/echo?" + std::to_string(i)));
    REQUIRE(worker.Read().body == std::to_string(i));
  }
  CHECK(Clock::now() - start < 5s);
  // Those that never said a word are closed by the header deadline; the worker is not.
  CHECK(Soon([&] { return server.server->connections() == 1; }, 4s));
  worker.Send(kHello);
  CHECK(worker.Read().body == "hello");
}

TEST_CASE("idle connections cost no processor time") {
  http::ServerOptions options = TestServer::Quick();
  options.header_timeout = 30s;
  TestServer server(options);
  std::deque<Client> idle;
  for (int i = 0; i < 500; ++i) idle.emplace_back(server.port());
  REQUIRE(Soon([&] { return server.server->connections() == 500; }));
  const double before = CpuSeconds();
  std::this_thread::sleep_for(1s);
  CHECK(CpuSeconds() - before < 0.2);
}

TEST_CASE("connections above the limit are closed at once, and room comes back") {
  http::ServerOptions options = TestServer::Quick();
  options.connections_max = 10;
  options.header_timeout = 30s;
  TestServer server(options);
  std::deque<Client> held;
  for (int i = 0; i < 10; ++i) {
    held.emplace_back(server.port());
    held.back().Send(kHello);
    CHECK(held.back().Read().status == 200);
  }
  for (int i = 0; i < 50; ++i) {
    Client further(server.port());
    CHECK(further.ClosedWithin(1s));
  }
  CHECK(server.server->connections() == 10);
  held.back().Send(kHello);
  CHECK(held.back().Read().status == 200);
  held.clear();
  CHECK(Soon([&] { return server.server->connections() == 0; }));
  CHECK(Ask(server.port(), kHello).status == 200);
}

TEST_CASE("2,000 connections one after another leave no descriptor behind") {
  TestServer server;
  Ask(server.port(), kHello);
  REQUIRE(Soon([&] { return server.server->connections() == 0; }));
  const int before = OpenFiles();
  for (int i = 0; i < 2000; ++i) {
    Client client(server.port());
    client.Send(i % 3 == 0 ? "BAD\r\n\r\n" : kHello);
    if (i % 5 != 0) CHECK(client.Read().status == (i % 3 == 0 ? 400 : 200));
    if (i % 7 == 0) client.Reset();
  }
  CHECK(Soon([&] { return server.server->connections() == 0; }));
  CHECK(Soon([&] { return OpenFiles() == before; }));
}

// Pistache keeps the event descriptors of a reactor that is gone (some 9 for 4 threads); a server
// starts once.
TEST_CASE("starting and stopping leaves no socket behind") {
  const int before = OpenFiles(true);
  for (int i = 0; i < 20; ++i) {
    TestServer server;
    CHECK(Ask(server.port(), kHello).status == 200);
  }
  CHECK(OpenFiles(true) == before);
}

TEST_CASE("slow heads and bodies are cut, however steadily they drip") {
  TestServer server;
  struct Row {
    std::string start;
    std::string drip;
    bool told;  // gets an answer before the end
  };
  for (const Row& row : std::vector<Row>{
           {"", "", false},
           {"GET /hello HT", "", true},
           {"GET /hello HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", true},
           {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", "x", true},
           {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
            true},
       }) {
    CAPTURE(row.start);
    Client client(server.port());
    client.Send(kHello);
    CHECK(client.Read().status == 200);
    Client fresh(server.port());
    fresh.Send(row.start);
    const auto start = Clock::now();
    std::string answer;
    while (Clock::now() - start < 4s) {
      if (!row.drip.empty()) fresh.Send(row.drip);
      answer = fresh.ReadAll(50ms);
      if (!answer.empty() || (row.start.empty() && fresh.ClosedWithin(10ms))) break;
    }
    const auto taken = Clock::now() - start;
    CHECK(taken > 800ms);
    CHECK(taken < 2500ms);
    CHECK((answer.find("request-too-slow") != std::string::npos) == row.told);
  }
}

TEST_CASE("an idle connection is closed without a word") {
  http::ServerOptions options = TestServer::Quick();
  options.idle_timeout = 500ms;
  TestServer server(options);
  Client client(server.port());
  client.Send(kHello);
  CHECK(client.Read().status == 200);
  CHECK(client.ClosedWithin(1500ms));
}

TEST_CASE("clients that never read hold no thread and burn no time") {
  http::ServerOptions options = TestServer::Quick();
  options.threads = 2;
  options.send_timeout = 2s;
  TestServer server(options);
  std::deque<Client> deaf;
  for (int i = 0; i < 6; ++i) {
    deaf.emplace_back(server.port(), 4096);
    deaf.back().Send(Get("/big"));
  }
  std::string many;
  for (int i = 0; i < 2000; ++i) many += kHello;
  deaf.emplace_back(server.port(), 4096);
  std::thread pusher([&] { deaf.back().Send(many + many + many); });
  std::this_thread::sleep_for(300ms);
  const double before = CpuSeconds();
  const auto start = Clock::now();
  for (int i = 0; i < 50; ++i) CHECK(Ask(server.port(), kHello).body == "hello");
  std::this_thread::sleep_until(start + 1s);
  CHECK(CpuSeconds() - before < 0.9);  // one thread that spins takes all of a second
  // The send deadline ends them.
  CHECK(Soon([&] { return server.server->connections() == 0; }, 6s));
  pusher.join();
}

TEST_CASE("a client with much to ask holds up the others of its thread for one request") {
  std::atomic<int> slow = 0;
  http::ServerOptions options = TestServer::Quick();
  options.threads = 1;
  TestServer server(options, "127.0.0.1",
                    [&](const http::Request& request, const http::Response&, double) {
                      slow += request.path == "/sleep" ? 1 : 0;
                    });
  Client greedy(server.port());
  std::string many;
  for (int i = 0; i < 40; ++i) many += Get("/sleep?25");
  greedy.Send(many);
  REQUIRE(Soon([&] { return slow > 0; }));
  Client modest(server.port());
  modest.Send(kHello);
  const int before = slow;
  CHECK(modest.Read().body == "hello");
  // One is under way when the other connects, one when it is accepted, one when its request is
  // seen.
  CHECK(slow - before < 8);
  for (int i = 0; i < 40; ++i) CHECK(greedy.Read().body == "25");
}

TEST_CASE("a client that does not read and has more to say burns no time") {
  http::ServerOptions options = TestServer::Quick();
  options.threads = 2;
  options.send_timeout = 30s;
  TestServer server(options);
  // The first answer does not fit the socket; what comes behind its request stays unread.
  std::deque<Client> deaf;
  for (int i = 0; i < 4; ++i) {
    deaf.emplace_back(server.port(), 4096);
    deaf.back().Send(Get("/big") + kHello + kHello);
  }
  deaf.front().HalfClose();
  CHECK(Ask(server.port(), kHello).body == "hello");
  // A thread that spins never stops: one quiet stretch is proof.
  CHECK(Soon(
      [] {
        const double before = CpuSeconds();
        std::this_thread::sleep_for(300ms);
        return CpuSeconds() - before < 0.1;
      },
      10s));
  // Nothing of what it said is lost when it reads after all.
  Client& slow = deaf.back();
  CHECK(slow.Read(false, 20s).body == std::string(20'000'000, 'x'));
  CHECK(slow.Read().body == "hello");
  CHECK(slow.Read().body == "hello");
  slow.Send(kHello);
  CHECK(slow.Read().body == "hello");
  CHECK(deaf.front().Read(false, 20s).body == std::string(20'000'000, 'x'));
  CHECK(deaf.front().Read().body == "hello");
}

TEST_CASE("a slow reader gets all of a large answer") {
  http::ServerOptions options = TestServer::Quick();
  options.send_timeout = 20s;
  TestServer server(options);
  Client client(server.port(), 16384);
  client.Send(Get("/big") + kHello);
  std::this_thread::sleep_for(300ms);
  CHECK(client.Read(false, 20s).body == std::string(20'000'000, 'x'));
  CHECK(client.Read().body == "hello");
}

TEST_CASE("clients that leave while they are served: nobody gets another's answer") {
  http::ServerOptions options = TestServer::Quick();
  options.threads = 32;
  TestServer server(options);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0, missing = 0, checked = 0, left = 0;
  const auto leaver = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (!stop) {
      Client client(server.port());
      client.Send(Get("/sleep?" + std::to_string(1 + random() % 3)) + Get("/echo?stray"));
      if (random() % 2 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      random() % 2 == 0 ? client.Reset() : client.Close();
      ++left;
      std::this_thread::sleep_for(1ms);  // or they alone keep every thread asleep
    }
  };
  const auto checker = [&](int number) {
    for (int i = 0; !stop; ++i) {
      const std::string id = std::to_string(number) + "-" + std::to_string(i);
      Client client(server.port());
      for (const char* part : {"a", "b", "c"}) {
        client.Send(Get("/echo?" + id + part));
        const Reply reply = client.Read();
        if (reply.status == 0)
          ++missing;
        else if (reply.body != id + part)
          ++wrong;
        ++checked;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(leaver, static_cast<unsigned>(i));
  for (int i = 0; i < 4; ++i) threads.emplace_back(checker, i);
  std::this_thread::sleep_for(5s);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  MESSAGE("answers checked: " << checked.load() << ", clients that left: " << left.load());
  CHECK(wrong == 0);
  CHECK(missing == 0);
  CHECK(checked.load() > 1000);
  CHECK(left.load() > 100);
  CHECK(Soon([&] { return server.server->connections() == 0; }));
}

TEST_CASE("random bytes on many connections") {
  TestServer server;
  std::mt19937 random(7);
  const std::string good =
      "POST /echo?z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good + good;
    for (unsigned change = random() % 4; change > 0; --change) {
      bytes[random() % bytes.size()] =
          static_cast<char>(random() % 3 == 0 ? "\r\n\0 ;:"[random() % 6] : random());
    }
    Client client(server.port());
    client.Send(bytes.substr(0, random() % (bytes.size() + 1)));
  }
  CHECK(Ask(server.port(), kHello).body == "hello");
  CHECK(Soon([&] { return server.server->connections() == 0; }));
}

TEST_CASE("Stop under load: what was begun is answered, then nothing is left") {
  http::ServerOptions options = TestServer::Quick();
  options.threads = 16;
  TestServer server(options);
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0, broken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        Client client(server.port());
        if (!client.connected()) continue;
        client.Send(Get("/sleep?5"));
        client.Read().status == 200 ? ++answered : ++broken;
      }
    });
  }
  Client slow(server.port());
  slow.Send(Get("/sleep?500"));
  Client idle(server.port());
  idle.Send(kHello);
  CHECK(idle.Read().status == 200);
  std::this_thread::sleep_for(200ms);
  CHECK(broken == 0);
  const auto start = Clock::now();
  CHECK(server.server->Stop(3s));
  CHECK(Clock::now() - start < 5s);
  const Reply reply = slow.Read();
  CHECK(reply.body == "500");
  CHECK(reply.Header("connection") == "close");
  CHECK(idle.ClosedWithin(100ms));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(answered > 0);
  CHECK_FALSE(Client(server.port()).connected());
}

TEST_CASE("Stop returns although a route never does") {
  TestServer server;
  Client stuck(server.port());
  stuck.Send(Get("/wait"));
  REQUIRE(Soon([&] { return *server.entered == 1; }));
  const auto start = Clock::now();
  const schema::Outcome stopped = server.server->Stop(200ms);
  CHECK(Clock::now() - start < 5s);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().Is(http::kStopTimedOut));
  // Only a test lets the thread go; a server would end its process here.
  *server.release = true;
  std::this_thread::sleep_for(500ms);
}

TEST_CASE("a request begun before Stop is not cut when it ends in time") {
  TestServer server;
  Client client(server.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  std::this_thread::sleep_for(50ms);
  std::thread rest([&] {
    std::this_thread::sleep_for(300ms);
    client.Send("llo");
  });
  CHECK(server.server->Stop(3s));
  CHECK(client.Read().body == ":hello");
  rest.join();
}

TEST_CASE("refused starts") {
  const auto start = [](const char* host, std::uint16_t port, int connections) {
    support::MemoryJournal journal;
    http::ServerOptions options = TestServer::Quick();
    options.connections_max = connections;
    return http::Server::Start({host, port}, http::Answers(), journal, options).has_value();
  };
  TestServer server;
  CHECK(start("127.0.0.1", 0, 10));
  CHECK_FALSE(start("127.0.0.1", server.port(), 10));  // in use
  CHECK_FALSE(start("localhost", 0, 10));
  CHECK_FALSE(start("", 0, 10));
  CHECK_FALSE(start("203.0.113.1", 0, 10));  // not ours
  CHECK_FALSE(start("127.0.0.1", 0, 2'000'000'000));
}

TEST_CASE("a flood of nonsense is not a flood of log lines") {
  TestServer server;
  for (int i = 0; i < 500; ++i) CHECK(Ask(server.port(), "BAD\r\n\r\n").status == 400);
  CHECK(server.journal.lines().size() >= 10);
  CHECK(server.journal.lines().size() < 100);
}
