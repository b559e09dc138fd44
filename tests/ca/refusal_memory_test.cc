#include "ca/refusal_memory.h"

#include <doctest/doctest.h>

namespace {

const schema::TimeMs kStart{std::chrono::milliseconds{1'795'255'200'000}};

TEST_CASE("a refusal is first once a minute for each issuer, subject and reason") {
  ca::RefusalMemory memory;
  CHECK(memory.FirstInWindow("i", "s", "r", kStart));
  CHECK_FALSE(memory.FirstInWindow("i", "s", "r", kStart + std::chrono::seconds(59)));
  CHECK(memory.FirstInWindow("i", "s", "other", kStart));
  CHECK(memory.FirstInWindow("i", "other", "r", kStart));
  CHECK(memory.FirstInWindow("other", "s", "r", kStart));
  CHECK(memory.FirstInWindow("i", "s", "r", kStart + std::chrono::minutes(1)));
}

TEST_CASE("a refusal that was not entered after all is first again") {
  ca::RefusalMemory memory;
  CHECK(memory.FirstInWindow("i", "s", "r", kStart));
  memory.Forget("i", "s", "other");
  CHECK_FALSE(memory.FirstInWindow("i", "s", "r", kStart));
  memory.Forget("i", "s", "r");
  CHECK(memory.FirstInWindow("i", "s", "r", kStart));
}

TEST_CASE("names that run together are not confused") {
  ca::RefusalMemory memory;
  CHECK(memory.FirstInWindow("ab", "c", "r", kStart));
  CHECK(memory.FirstInWindow("a", "bc", "r", kStart));
}

TEST_CASE("a clock that steps back silences nobody") {
  ca::RefusalMemory memory;
  CHECK(memory.FirstInWindow("i", "s", "r", kStart));
  CHECK(memory.FirstInWindow("i", "s", "r", kStart - std::chrono::hours(1)));
}

TEST_CASE(
    "memory is bounded: a flood of names counts as repeated, and a minute later there is room") {
  ca::RefusalMemory memory;
  for (std::size_t i = 0; i < ca::RefusalMemory::kCapacity; ++i) {
    REQUIRE(memory.FirstInWindow("i", std::to_string(i), "r", kStart));
  }
  CHECK_FALSE(memory.FirstInWindow("i", "one more", "r", kStart));
  CHECK(memory.FirstInWindow("i", "one more", "r", kStart + std::chrono::minutes(1)));
}

}  // namespace
