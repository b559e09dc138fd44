#include "ca/log/refusals.h"

#include <doctest/doctest.h>

#include <thread>

namespace {

using ca::Refusals;
using schema::TimeMs;

constexpr TimeMs kStart{std::chrono::milliseconds(1795255200000)};
constexpr std::chrono::seconds kSecond{1};

TEST_CASE("one summary a minute for each reason and issuer") {
  Refusals refusals;
  for (int i = 0; i < 1000; ++i)
    refusals.Count("token-expired", "https://a", kStart + i * std::chrono::milliseconds(10));
  refusals.Count("token-expired", "https://b", kStart + 30 * kSecond);
  refusals.Count("policy-denied", "https://a", kStart + 40 * kSecond);
  CHECK(refusals.Summaries(kStart + 59 * kSecond, false).empty());
  const auto events = refusals.Summaries(kStart + 60 * kSecond, false);
  REQUIRE_EQ(events.size(), 3);
  CHECK_EQ(events[0]["type"], "refused");
  CHECK_EQ(events[0]["reason"], "policy-denied");
  CHECK_EQ(events[1]["issuer"], "https://a");
  CHECK_EQ(events[1]["count"], 1000);
  CHECK_EQ(events[1]["first"], "2026-11-21T10:00:00.000Z");
  CHECK_EQ(events[1]["last"], "2026-11-21T10:00:09.990Z");
  CHECK(refusals.Summaries(kStart + 200 * kSecond, true).empty());
}

TEST_CASE("the minute starts with the first count") {
  Refusals refusals;
  CHECK(refusals.Summaries(kStart, false).empty());
  refusals.Count("a", "b", kStart + 100 * kSecond);
  CHECK(refusals.Summaries(kStart + 159 * kSecond, false).empty());
  CHECK_EQ(refusals.Summaries(kStart + 160 * kSecond, false).size(), 1);
}

TEST_CASE("a clock set back does not hold counts for ever") {
  Refusals refusals;
  refusals.Count("a", "b", kStart);
  CHECK_EQ(refusals.Summaries(kStart - 3600 * kSecond, false).size(), 1);
}

TEST_CASE("strangers cannot make it grow, and nothing is lost") {
  Refusals refusals;
  for (int i = 0; i < 5000; ++i)
    refusals.Count("unknown-issuer", "https://" + std::to_string(i), kStart);
  for (int i = 0; i < 5000; ++i) refusals.Count("reason-" + std::to_string(i), "https://x", kStart);
  refusals.Count("unknown-issuer", std::string(100000, 'x'), kStart);
  const auto events = refusals.Summaries(kStart, true);
  CHECK_LE(events.size(), 200);
  std::uint64_t total = 0;
  for (const auto& event : events) {
    total += event["count"].get<std::uint64_t>();
    CHECK_LT(event.dump().size(), 1000);
  }
  CHECK_EQ(total, 10001);
}

TEST_CASE("counts from many threads add up") {
  Refusals refusals;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) refusals.Count("a", "b", kStart);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(refusals.Summaries(kStart, true).front()["count"], 8000);
}

}  // namespace
