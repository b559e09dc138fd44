#include "http/address_limit.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using http::AddressLimit;
using schema::Steady;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const Steady::time_point kStart = Steady::time_point(seconds(1000));

AddressLimit Make(nanoseconds interval, std::int64_t burst,
                  std::vector<schema::Network> exempt = {}) {
  return AddressLimit({interval, burst, std::move(exempt)}, {1, 2});
}

// How many of `count` requests at `now` are let in.
int LetIn(AddressLimit& limit, const std::string& address, Steady::time_point now, int count) {
  int in = 0;
  for (int i = 0; i < count; ++i) in += limit.Take(address, now) == nanoseconds(0) ? 1 : 0;
  return in;
}

TEST_CASE("a burst, then the rate, then a burst again") {
  auto limit = Make(milliseconds(100), 5);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart, 20), 5);
  CHECK_EQ(limit.Take("192.0.2.1", kStart), milliseconds(100));
  CHECK_EQ(limit.Take("192.0.2.1", kStart + milliseconds(99)), milliseconds(1));
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart + milliseconds(100), 20), 1);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart + milliseconds(350), 20), 2);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart + seconds(60), 20), 5);
}

TEST_CASE("what is refused is not counted") {
  auto limit = Make(seconds(1), 1);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart, 1000), 1);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart + seconds(1), 1000), 1);
}

TEST_CASE("who is one client") {
  struct Row {
    const char* one;
    const char* other;
    bool same;
  };
  const Row kRows[] = {
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
      {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
      {"2001:db8:1:2::1", "2001:DB8:1:2:0:0:0:2", true},
      {"", "not an address", true},
      {"", "192.0.2.1", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.one);
    CAPTURE(row.other);
    auto limit = Make(seconds(1), 1);
    CHECK_EQ(LetIn(limit, row.one, kStart, 2), 1);
    CHECK_EQ(LetIn(limit, row.other, kStart, 2), row.same ? 0 : 1);
  }
}

TEST_CASE("unlimited and exempt") {
  auto unlimited = Make(nanoseconds(0), 1);
  CHECK_EQ(LetIn(unlimited, "192.0.2.1", kStart, 1000), 1000);
  auto some = Make(seconds(1), 1, {*schema::ParseNetwork("10.0.0.0/8")});
  CHECK_EQ(LetIn(some, "10.1.2.3", kStart, 1000), 1000);
  CHECK_EQ(LetIn(some, "11.1.2.3", kStart, 1000), 1);
  CHECK_EQ(LetIn(some, "not an address", kStart, 1000), 1);
}

TEST_CASE("no crowd of other addresses gives one its bucket back") {
  auto limit = Make(seconds(1), 3);
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart, 3), 3);
  // Each empties its bucket: 300,000 addresses over 65,536 places.
  for (int i = 0; i < 300'000; ++i) {
    const std::string address = "10." + std::to_string(i >> 16) + "." +
                                std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    LetIn(limit, address, kStart, 3);
  }
  CHECK_EQ(LetIn(limit, "192.0.2.1", kStart, 3), 0);
  // Nor one request of each, which takes places without filling them.
  auto other = Make(seconds(1), 3);
  CHECK_EQ(LetIn(other, "192.0.2.1", kStart, 3), 3);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 300'000; ++i) {
      const std::string address = "10." + std::to_string(i >> 16) + "." +
                                  std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
      LetIn(other, address, kStart, 1);
    }
    CHECK_EQ(LetIn(other, "192.0.2.1", kStart, 3), 0);
  }
  // When all is quiet again everybody has a whole bucket.
  CHECK_EQ(LetIn(other, "192.0.2.1", kStart + seconds(3), 4), 3);
  CHECK_EQ(LetIn(other, "198.51.100.1", kStart + seconds(3), 4), 3);
}

TEST_CASE("threads share one bucket") {
  auto limit = Make(std::chrono::hours(1), 100);
  std::atomic<int> in{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { in += LetIn(limit, "192.0.2.1", kStart, 50); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(in, 100);
}

}  // namespace
