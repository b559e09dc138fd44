// What waits is committed together.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "ca/log/sqlite.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"
#include "tests/ca/log/house.h"

namespace {

using log_test::House;

TEST_CASE("64 threads share few commits") {
  House house;
  house.config.log.checkpoint = std::chrono::seconds(60);
  REQUIRE(house.Open());
  constexpr int kThreads = 64;
  constexpr int kEach = 25;
  std::vector<std::vector<ca::Grant>> grants(kThreads);
  for (auto& list : grants) {
    for (int i = 0; i < kEach; ++i)
      list.push_back(house.MakeGrant(std::to_string(grants.size()) + "-" +
                                     std::to_string(&list - grants.data()) + "-" +
                                     std::to_string(i)));
  }
  const auto before = house.log().State().commits;
  std::mutex mutex;
  std::set<std::uint64_t> indexes;
  std::vector<std::thread> threads;
  for (auto& list : grants) {
    threads.emplace_back([&] {
      for (ca::Grant& grant : list) {
        const auto receipt = house.log().Enter(std::move(grant));
        std::lock_guard lock(mutex);
        if (receipt) indexes.insert(receipt->index());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(indexes.size(), kThreads * kEach);
  CHECK_EQ(*indexes.rbegin(), kThreads * kEach - 1);
  CHECK_LT(house.log().State().commits - before, kThreads * kEach / 4);
}

TEST_CASE("the queue has an end") {
  House house;
  REQUIRE(house.Open());
  // Commits do not get on while another connection holds the write lock.
  auto blocker = ca::sqlite::Connection::Open(house.database(), {.write = true});
  REQUIRE((*blocker)->Execute("BEGIN IMMEDIATE"));
  constexpr std::size_t kWaiters = schema::limits::kSequencerQueue + 400;
  std::atomic<std::size_t> refused{0}, entered{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    threads.emplace_back([&] {
      const auto done = house.log().Note({{"type", "denied"}});
      if (done)
        ++entered;
      else if (done.error().Is(ca::kLogUnavailable))
        ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(refused + entered, kWaiters);
  CHECK_GT(refused, 0);
  REQUIRE((*blocker)->Execute("ROLLBACK"));
  REQUIRE(log_test::WaitFor([&] { return house.log().State().ready; }));
  CHECK(house.log().Note({{"type", "denied"}}));
  CHECK_EQ(house.log().State().queue_length, 0);
}

TEST_CASE("the write-ahead log stays bounded") {
  House house;
  REQUIRE(house.Open());
  const auto wal = house.database().string() + "-wal";
  const schema::Json event = {{"type", "denied"}, {"filler", std::string(60000, 'x')}};
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      while (!stop && house.log().Note(event)) written += 60000;
    });
  }
  std::uintmax_t largest = 0;
  const auto end = schema::Steady::now() + std::chrono::seconds(8);
  while (schema::Steady::now() < end && written < 1'000'000'000) {
    largest = std::max(largest, std::filesystem::file_size(wal));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  MESSAGE("written " << written.load() << ", largest write-ahead log " << largest);
  // The file would be larger than all that was written if it never started anew.
  CHECK_GT(written, 0);
  if (written > 500'000'000) CHECK_LT(largest, written / 2);
}

}  // namespace
