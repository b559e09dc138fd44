// A policy or an issuers file takes over: its event is the border between what rests on the old and
// on the new one.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "schema/base/json.h"
#include "tests/ca/log/house.h"

namespace {

using log_test::House;
using schema::Json;

schema::Outcome Adopt(House& house, const std::string& digest) {
  return house.log().Adopt({.policy = digest},
                           {{"type", "policy-loaded"}, {"policy_digest", digest}});
}

schema::Outcome AdoptIssuers(House& house, const std::string& digest) {
  return house.log().Adopt({.issuers = digest},
                           {{"type", "issuers-loaded"}, {"issuers_digest", digest}});
}

ca::Grant GrantOf(House& house, const std::string& digest, const std::string& token = "") {
  ca::Grant grant = house.MakeGrant(token);
  grant.basis.policy = digest;
  grant.event = log_test::Event({{"type", "granted"}, {"policy_digest", digest}});
  return grant;
}

schema::Outcome Deny(House& house, const std::string& digest) {
  return house.log().NoteDecision(log_test::Event({{"type", "denied"}, {"policy_digest", digest}}),
                                  {.policy = digest});
}

std::string KindOf(const schema::Outcome& outcome) {
  return outcome ? "" : std::string(outcome.error().kind->id);
}

TEST_CASE("behind the border only decisions of the policy in force are entered") {
  House house;
  REQUIRE(house.Open());
  CHECK(house.log().Enter(GrantOf(house, "a")));  // nothing was adopted yet
  REQUIRE(Adopt(house, "a"));
  CHECK(house.log().Enter(GrantOf(house, "a", "t")));
  CHECK(Deny(house, "a"));
  REQUIRE(Adopt(house, "b"));
  const auto late = house.log().Enter(GrantOf(house, "a"));
  REQUIRE_FALSE(late);
  CHECK_EQ(late.error().kind->id, ca::kPolicyMoved.id);
  CHECK_EQ(KindOf(Deny(house, "a")), ca::kPolicyMoved.id);
  // A retry is a decision too.
  CHECK_FALSE(house.log().Enter(GrantOf(house, "a", "t")));
  CHECK(house.log().Enter(GrantOf(house, "b", "t")));
  CHECK(Deny(house, "b"));
  CHECK(house.log().Note({{"type", "started"}}));
  CHECK_EQ(house.log().State().certificates_size, 2);
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("each file has its own border: what is entered rests on both that are in force") {
  struct Case {
    const char* name;
    ca::Basis basis;
    std::string want;
  };
  const Case cases[] = {
      {"both in force", {"p2", "i2"}, ""},
      {"the policy before", {"p1", "i2"}, "policy-changed"},
      {"the issuers before", {"p2", "i1"}, "issuers-changed"},
      // The token first: what is verified again is decided again.
      {"both before", {"p1", "i1"}, "issuers-changed"},
      {"refused before a policy was asked", {"", "i2"}, ""},
      {"refused before a policy was asked, by the issuers before", {"", "i1"}, "issuers-changed"},
      {"of neither", {}, ""},
      {"the CA in force", {"p2", "i2", "c2"}, ""},
      {"the CA before", {"p2", "i2", "c1"}, "issuing-ca-changed"},
      {"the policy and the CA before", {"p1", "i2", "c1"}, "policy-changed"},
  };
  House house;
  REQUIRE(house.Open());
  REQUIRE(Adopt(house, "p1"));
  REQUIRE(AdoptIssuers(house, "i1"));
  REQUIRE(AdoptIssuers(house, "i2"));
  REQUIRE(Adopt(house, "p2"));
  for (const char* active : {"c1", "c2"}) {
    REQUIRE(house.log().Adopt({.ca = active}, {{"type", "ca-activated"}, {"ca", active}}));
  }
  for (const Case& c : cases) {
    CAPTURE(c.name);
    ca::Grant grant = house.MakeGrant();
    grant.basis = c.basis;
    const auto entered = house.log().Enter(std::move(grant));
    CHECK_EQ(entered ? "" : std::string(entered.error().kind->id), c.want);
    CHECK_EQ(KindOf(house.log().NoteDecision(log_test::Event({{"type", "denied"}}), c.basis)),
             c.want);
  }
}

TEST_CASE("while policies change under load, every decision's policy is the one before it") {
  House house;
  REQUIRE(house.Open());
  std::atomic<int> policy{0};
  std::atomic<int> moved{0}, entered{0};
  std::atomic<bool> done{false};
  REQUIRE(Adopt(house, "0"));
  std::mutex making;  // House's grants are made one at a time
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const std::string digest = std::to_string(policy);
        std::unique_lock lock(making);
        ca::Grant grant = GrantOf(house, digest);
        lock.unlock();
        const auto receipt = house.log().Enter(std::move(grant));
        if (receipt) {
          lock.lock();
          house.Finish(*receipt);
        }
        ++(receipt ? entered : moved);
        if (!receipt) MUST(receipt.error().Is(ca::kPolicyMoved));
      }
    });
  }
  for (int next = 1; next <= 20; ++next) {
    // Some decisions of each policy, those of the old one among them.
    const int before = entered;
    CHECK(log_test::WaitFor([&] { return entered > before; }));
    CHECK(Adopt(house, std::to_string(next)));
    policy = next;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();

  REQUIRE(house.WaitPublished(house.log().State().certificates_size));
  std::string in_force;
  int granted = 0;
  for (const Json& event : house.Events()) {
    if (event["type"] == "policy-loaded") in_force = event["policy_digest"];
    if (event["type"] != "granted") continue;
    ++granted;
    CHECK_EQ(event["policy_digest"].get<std::string>(), in_force);
  }
  CHECK_EQ(granted, entered);
}

TEST_CASE("the store knows the issuing CAs, and since which entry one can be an entry's") {
  House house;
  REQUIRE(house.Open());
  const ca::IssuingCaRow first{house.chain.key_hash, "first", "active", house.chain.certificates};
  const ca::IssuingCaRow next{log_test::HashOf("next"), "next", "prepared",
                              house.chain.certificates};
  const auto adopt = [&](const char* type, std::vector<ca::IssuingCaRow> rows) {
    const ca::Basis basis{.ca = rows.front().name};
    return house.log().Adopt(basis, {{"type", type}}, std::move(rows));
  };
  REQUIRE(adopt("ca-activated", {first}));
  REQUIRE(house.Issue());
  REQUIRE(adopt("ca-prepared", {next}));
  auto active = next;
  active.state = "active";
  auto replaced = first;
  replaced.state = "replaced";
  REQUIRE(adopt("ca-activated", {active, replaced}));
  const auto rows = house.log().reader().IssuingCas();
  REQUIRE(rows);
  REQUIRE_EQ(rows->size(), 2);
  CHECK_EQ((*rows)[0].state, "replaced");
  CHECK_EQ((*rows)[0].first, ca::RowId(1, 0));
  CHECK_EQ((*rows)[1].state, "active");
  CHECK_EQ((*rows)[1].first, ca::RowId(1, 1));

  // A state that knows a CA does not open without it.
  house.Close();
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK_NE(refused.error().detail.find("ca.rotation does not name CA next"), std::string::npos);
  CHECK(ca::Log::Open(house.config, house.chain, house.custody, house.clock, house.journal,
                      {log_test::HashOf("next")}));
}

}  // namespace
