// The state directory belongs to one process and one configuration.
#include "ca/log/state.h"

#include <doctest/doctest.h>

#include "tests/ca/log/house.h"

namespace {

using log_test::House;

struct Case {
  const char* name;
  void (*change)(schema::Config&, ca::Chain&);
  const char* named;
};

const Case kCases[] = {
    {"shard, under its origin", [](auto& config, auto&) { config.log.certificates.shard = "2027"; },
     "log.certificates.origin: it is that of shard 2026"},
    {"shard, with its key",
     [](auto& config, auto&) {
       config.log.certificates.shard = "2027";
       config.log.certificates.origin = "x.example";
     },
     "log.certificates.key: it is that of shard 2026"},
    {"origin", [](auto& config, auto&) { config.log.certificates.origin = "x.example"; },
     "log.certificates.origin"},
    {"events shard, under its origin",
     [](auto& config, auto&) { config.log.events.shard = "2027"; },
     "log.events.origin: it is that of shard 2026"},
    {"events shard, with its key",
     [](auto& config, auto&) {
       config.log.events.shard = "2027";
       config.log.events.origin = "x.example";
     },
     "log.events.note-key: it is that of shard 2026"},
    {"events origin", [](auto& config, auto&) { config.log.events.origin = "x.example"; },
     "log.events.origin"},
    {"chain", [](auto&, auto& chain) { chain.key_hash[0] ^= 1; }, "ca.chain"},
};

TEST_CASE("a state made with another setting is refused, and named") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    House house;
    REQUIRE(house.Open());
    REQUIRE(house.Issue());
    house.Close();
    c.change(house.config, house.chain);
    const auto refused = house.Open();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kBadState));
    CHECK_NE(refused.error().detail.find(c.named), std::string::npos);
  }
}

TEST_CASE("another log key or note key is refused") {
  House house;
  REQUIRE(house.Open());
  house.Close();
  support::FakeCustody other;
  const auto refused = ca::Log::Open(house.config, house.chain, other, house.clock, house.journal);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kBadState));
  CHECK_NE(refused.error().detail.find("log.certificates.key"), std::string::npos);
}

TEST_CASE("the first start is remembered") {
  House house;
  REQUIRE(house.Open());
  const auto since = house.log().keys().since;
  CHECK_EQ(since, house.clock.Now());
  house.clock.Advance(std::chrono::hours(5));
  REQUIRE(house.Open());
  CHECK_EQ(house.log().keys().since, since);
  CHECK_EQ(house.log().keys().log_id, schema::Sha256(house.custody.facts().log.view()));
}

TEST_CASE("one process at a time") {
  House house;
  REQUIRE(house.Open());
  const auto second =
      ca::Log::Open(house.config, house.chain, house.custody, house.clock, house.journal);
  REQUIRE_FALSE(second);
  CHECK(second.error().Is(ca::kBadState));
  CHECK_NE(second.error().detail.find("another process"), std::string::npos);
  house.Close();
  CHECK(house.Open());
}

TEST_CASE("a state that cannot be made") {
  House house;
  house.config.state = "/proc/nowhere/state";
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kBadState));
}

}  // namespace
