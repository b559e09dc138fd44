// One event for each change of the signers' state, in order, also when the log was away meanwhile.
#include "http/custody_watch.h"

#include <doctest/doctest.h>

#include "tests/support/fake_custody.h"
#include "tests/support/fakes.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;

// The events log, which may refuse.
class Notes {
 public:
  schema::Outcome Take(schema::Json event) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    if (broken_) return schema::Error{&hsm::kSignerUnavailable, "the test asked for it"};
    taken_.push_back(std::move(event));
    return schema::Ok();
  }
  void Break(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
  }
  int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<schema::Json> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  std::mutex mutex_;
  bool broken_ = false;
  int asked_ = 0;
  std::vector<schema::Json> taken_;
};

bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

struct Rig {
  support::FakeCustody custody;
  support::MemoryJournal journal;
  Notes notes;
  http::CustodyWatch watch{custody,
                           [this](schema::Json event) { return notes.Take(std::move(event)); },
                           [] { return ca::LogState{}; },
                           journal,
                           {.look = 1ms}};

  // Until the watch has seen them and entered what it made of them.
  void Show(std::vector<hsm::CustodyState::Token> tokens) {
    custody.SetTokens(std::move(tokens));
    const std::uint64_t seen = custody.looks();
    REQUIRE(Eventually([&] { return custody.looks() > seen + 2; }));
  }
  void SetUp(Purpose purpose, bool up) {
    custody.Fail(purpose, hsm::kSignerUnavailable, up ? 0 : -1);
  }
};

TEST_CASE("an outage is two events, however long it is") {
  Rig rig;
  rig.SetUp(Purpose::kCertificate, false);
  REQUIRE(Eventually([&] { return rig.notes.taken().size() == 1; }));
  std::this_thread::sleep_for(50ms);  // fifty looks
  rig.SetUp(Purpose::kCertificate, true);
  REQUIRE(Eventually([&] { return rig.notes.taken().size() == 2; }));
  std::this_thread::sleep_for(20ms);
  const auto events = rig.notes.taken();
  REQUIRE_EQ(events.size(), 2);
  CHECK_EQ(events[0]["type"], "hsm-lost");
  CHECK_EQ(events[0]["role"], "issuing");
  CHECK_EQ(events[0]["reason"], "the test asked for it");
  CHECK_EQ(events[1]["type"], "hsm-recovered");
  CHECK_EQ(events[1]["role"], "issuing");
  CHECK_GE(events[1]["down_ms"].get<int>(), 50);
}

TEST_CASE("roles are told apart") {
  Rig rig;
  rig.SetUp(Purpose::kSct, false);
  REQUIRE(Eventually([&] { return rig.notes.taken().size() == 1; }));
  CHECK_EQ(rig.notes.taken()[0]["role"], "log");
}

TEST_CASE("an excess of signatures is an event for each purpose, and another when it has doubled") {
  Rig rig;
  const auto events = [&](std::size_t count) {
    REQUIRE(Eventually([&] { return rig.notes.taken().size() == count; }));
    std::this_thread::sleep_for(20ms);  // twenty looks
    REQUIRE_EQ(rig.notes.taken().size(), count);
    return rig.notes.taken().back();
  };
  rig.custody.Overcount(Purpose::kSct, 2);
  schema::Json event = events(1);
  CHECK_EQ(event["type"], "signature-excess");
  CHECK_EQ(event["purpose"], "sct");
  CHECK_EQ(event["excess"], 2);
  CHECK_EQ(event["made"], 2);
  CHECK_EQ(event["asked"], 0);
  CHECK_FALSE(event.contains("entered"));
  rig.custody.Overcount(Purpose::kSct, 1);  // three of two: not yet
  event = events(1);
  rig.custody.Overcount(Purpose::kSct, 1);
  event = events(2);
  CHECK_EQ(event["excess"], 4);
  rig.custody.Overcount(Purpose::kCertificate, 1);
  event = events(3);
  CHECK_EQ(event["purpose"], "certificate");
  CHECK_EQ(event["entered"], 0);
  CHECK_EQ(event["retried"], 0);
}

ca::LogState Entered(std::uint64_t entered, std::uint64_t retried) {
  ca::LogState state{};
  state.entered = entered;
  state.retried = retried;
  return state;
}

TEST_CASE("signatures are counted at the end, for each purpose that was asked for") {
  support::FakeCustody custody;
  support::MemoryJournal journal;
  Notes notes;
  const auto sign = [&](Purpose purpose) {
    REQUIRE(custody.Sign(purpose, schema::AsBytes("x"), schema::Steady::now() + 1s));
  };
  {
    const http::CustodyWatch watch(
        custody, [&](schema::Json event) { return notes.Take(std::move(event)); },
        [] { return Entered(2, 1); }, journal, {.look = 1ms});
    for (int i = 0; i < 3; ++i) sign(Purpose::kCertificate);
    sign(Purpose::kSct);
    std::this_thread::sleep_for(20ms);  // twenty looks
    CHECK(notes.taken().empty());
  }
  const schema::Json of_certificates = {{"type", "signatures-counted"},
                                        {"purpose", "certificate"},
                                        {"made", 3},
                                        {"asked", 3},
                                        {"again", 0},
                                        {"lost", 0},
                                        {"entered", 2},
                                        {"retried", 1},
                                        {"final", true}};
  const schema::Json of_scts = {{"type", "signatures-counted"},
                                {"purpose", "sct"},
                                {"made", 1},
                                {"asked", 1},
                                {"again", 0},
                                {"lost", 0},
                                {"final", true}};
  CHECK_EQ(notes.taken(), std::vector<schema::Json>{of_certificates, of_scts});
  CHECK(journal.lines().empty());
}

TEST_CASE("signatures are counted again and again, anew when the log was away") {
  support::FakeCustody custody;
  support::MemoryJournal journal;
  Notes notes;
  notes.Break(true);
  {
    const http::CustodyWatch watch(
        custody, [&](schema::Json event) { return notes.Take(std::move(event)); },
        [] { return Entered(9, 0); }, journal, {.look = 1ms, .count = 20ms});
    REQUIRE(custody.Sign(Purpose::kCertificate, schema::AsBytes("x"), schema::Steady::now() + 1s));
    REQUIRE(Eventually([&] { return notes.asked() > 2; }));
    REQUIRE(custody.Sign(Purpose::kCertificate, schema::AsBytes("x"), schema::Steady::now() + 1s));
    notes.Break(false);
    REQUIRE(Eventually([&] { return notes.taken().size() >= 2; }));
    CHECK_EQ(notes.taken()[0]["made"], 2);
    CHECK_EQ(notes.taken()[1]["made"], 2);
    CHECK_FALSE(notes.taken()[1].contains("final"));
    notes.Break(true);
  }
  CHECK_EQ(journal.lines().size(), 1);  // the final counts were not entered
}

TEST_CASE("what could not be entered is entered later, in order") {
  Rig rig;
  rig.notes.Break(true);
  rig.SetUp(Purpose::kCertificate, false);
  REQUIRE(Eventually([&] { return rig.notes.asked() > 0; }));
  const int asked = rig.notes.asked();
  rig.SetUp(Purpose::kCertificate, true);
  REQUIRE(Eventually([&] { return rig.notes.asked() > asked + 5; }));
  rig.notes.Break(false);
  REQUIRE(Eventually([&] { return rig.notes.taken().size() == 2; }));
  CHECK_EQ(rig.notes.taken()[0]["type"], "hsm-lost");
  CHECK_EQ(rig.notes.taken()[1]["type"], "hsm-recovered");
}

// Two tokens of the issuing key; the second is as told.
std::vector<hsm::CustodyState::Token> Tokens(hsm::TokenStanding standing,
                                             std::optional<hsm::DrainNote> note = std::nullopt) {
  hsm::TokenState healthy, other;
  healthy.standing = hsm::TokenStanding::kServing;
  other.standing = standing;
  other.reason = "as told";
  other.note = note;
  return {{"issuing", "left", healthy}, {"issuing", "right", other}, {"log", "right", other}};
}

TEST_CASE("each change of a token is one event for its role") {
  using hsm::TokenStanding;
  struct Case {
    std::string_view name;
    std::vector<TokenStanding> changes;
    std::vector<std::string> events;  // of the issuing role
  };
  const Case kCases[] = {
      {"away and back",
       {TokenStanding::kAway, TokenStanding::kServing},
       {"token-lost away", "token-recovered"}},
      {"away, then refused, is told of twice",
       {TokenStanding::kAway, TokenStanding::kRefused, TokenStanding::kAway,
        TokenStanding::kRefused, TokenStanding::kServing},
       {"token-lost away", "token-lost refused", "token-recovered"}},
      {"drained is neither lost nor recovered",
       {TokenStanding::kDrained, TokenStanding::kServing},
       {}},
      {"one that does not come back is lost",
       {TokenStanding::kDrained, TokenStanding::kAway, TokenStanding::kServing},
       {"token-lost away", "token-recovered"}},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Rig rig;
    for (const TokenStanding standing : c.changes) {
      rig.Show(Tokens(standing));
    }
    std::vector<std::string> told;
    for (const schema::Json& event : rig.notes.taken()) {
      if (event["role"] != "issuing") continue;
      CHECK_EQ(event["token"], "right");
      told.push_back(event["type"].get<std::string>() +
                     (event.contains("state") ? " " + event["state"].get<std::string>() : ""));
    }
    CHECK(told == c.events);
  }
}

TEST_CASE("an only token is told of as its role, and by itself where its CA is not active") {
  for (const bool aside : {false, true}) {
    CAPTURE(aside);
    Rig rig;
    for (const auto standing : {hsm::TokenStanding::kAway, hsm::TokenStanding::kServing}) {
      hsm::TokenState state;
      state.standing = standing;
      rig.Show({{"issuing:next", std::string(schema::kOnlyToken), state, 0, aside}});
    }
    REQUIRE_EQ(rig.notes.taken().size(), aside ? 2 : 0);
    if (aside) CHECK_EQ(rig.notes.taken()[0]["role"], "issuing:next");
  }
}

TEST_CASE("what an operator said between the last look and the stop is entered") {
  support::FakeCustody custody;
  support::MemoryJournal journal;
  Notes notes;
  custody.SetTokens(
      Tokens(hsm::TokenStanding::kDrained, hsm::DrainNote{true, 1234, schema::TimeMs(1500ms)}));
  {
    const http::CustodyWatch watch(
        custody, [&](schema::Json event) { return notes.Take(std::move(event)); },
        [] { return ca::LogState{}; }, journal, {.look = std::chrono::hours(1)});
  }
  REQUIRE_FALSE(notes.taken().empty());
  CHECK_EQ(notes.taken()[0]["type"], "token-drained");
}

TEST_CASE("what an operator says of a token is one event, whatever keys it holds") {
  Rig rig;
  const auto say = [&](bool drained) {
    rig.Show(Tokens(drained ? hsm::TokenStanding::kDrained : hsm::TokenStanding::kServing,
                    hsm::DrainNote{drained, 1234, schema::TimeMs(1500ms)}));
  };
  say(false);  // from before the start
  CHECK(rig.notes.taken().empty());
  say(true);
  say(true);
  say(false);
  REQUIRE(Eventually([&] { return rig.notes.taken().size() == 2; }));
  const auto events = rig.notes.taken();
  CHECK_EQ(events[0], schema::Json({{"type", "token-drained"},
                                    {"token", "right"},
                                    {"uid", 1234},
                                    {"since", "1970-01-01T00:00:01.500Z"}}));
  CHECK_EQ(events[1],
           schema::Json({{"type", "token-undrained"}, {"token", "right"}, {"uid", 1234}}));
}

TEST_CASE("a token that came back has its keys' attributes entered, and what was waived") {
  Rig rig;
  auto tokens = Tokens(hsm::TokenStanding::kServing);
  tokens[1].state.comebacks = 1;
  tokens[1].state.reports = {R"({"key":"ca.key[1]","token_serial":"b2","waived":["CKA_LOCAL"]})"};
  rig.Show(tokens);
  rig.Show(tokens);
  const auto events = rig.notes.taken();
  REQUIRE_EQ(events.size(), 2);
  CHECK_EQ(events[0]["type"], "key-attributes-read");
  CHECK_EQ(events[0]["token_serial"], "b2");
  CHECK_EQ(events[1]["type"], "key-attributes-waived");
  CHECK_EQ(events[1]["key"], "ca.key[1]");
  CHECK_FALSE(http::KeyEvents("[]"));
  CHECK_FALSE(http::KeyEvents("no JSON"));
}

}  // namespace
