// Several tokens that hold one key: shared work, and what it costs when one of them fails.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "hsm/custody.h"
#include "hsm/digest.h"
#include "tests/hsm/twins.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using schema::Steady;
using tests::Twins;

bool Signs(hsm::Custody& custody, const std::string& tail) {
  const schema::Bytes probe = tests::Probe(tail);
  const auto got = custody.Sign(Purpose::kProbe, probe, Steady::now() + 20s);
  return got && hsm::VerifyP256(custody.facts().issuing, probe, got->signature.view());
}

bool Up(const hsm::Custody& custody, std::string_view twin) {
  return Twins::Of(custody, twin).state.up();
}

// A token that is slow to start, as on a busy machine, is one that comes later.
std::unique_ptr<hsm::Custody> StartBoth(const Twins& twins, schema::Journal& journal) {
  auto custody = tests::MustStart(twins.Load(), journal);
  REQUIRE(tests::Eventually([&] { return Up(*custody, "left") && Up(*custody, "right"); }));
  return custody;
}

std::uint64_t SignaturesOf(const hsm::Custody& custody, std::string_view twin) {
  return Twins::Of(custody, twin).signatures;
}

// Callers that sign until told to stop; a wrong or missing signature fails.
struct Load {
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> threads;

  Load(hsm::Custody& custody, int count) {
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([this, &custody, i] {
        for (int j = 0; !stop; ++j) {
          ++(Signs(custody, std::to_string(i) + "/" + std::to_string(j)) ? good : bad);
        }
      });
    }
  }
  void Stop() {
    stop = true;
    for (auto& thread : threads) thread.join();
    threads.clear();
  }
};

const hsm::SignatureCount& Probes(const hsm::CustodyState& state) { return state.signatures[0]; }

TEST_CASE("one caller's work is shared by weight") {
  const Twins twins({.left = ", weight: 3"});
  support::MemoryJournal journal;
  const auto custody = StartBoth(twins, journal);
  for (int i = 0; i < 80; ++i) REQUIRE(Signs(*custody, std::to_string(i)));
  // One after the other: each goes to the token that was given least for its weight. A lane that is
  // slow to lie down may miss one.
  const auto left = SignaturesOf(*custody, "left"), right = SignaturesOf(*custody, "right");
  CHECK_EQ(left + right, 80);
  CHECK_GE(left, 40);
  CHECK_GE(right, 10);
  REQUIRE_EQ(custody->State().tokens.size(), 3);
  CHECK_EQ(custody->State().tokens[2].role, "log");
  CHECK_EQ(custody->State().tokens[2].name, "default");
}

TEST_CASE("both tokens' serials are told, with a report for each") {
  const Twins twins({.log_key_too = true});
  support::MemoryJournal journal;
  auto custody = tests::MustStart(twins.Load(), journal);
  for (int i = 0; i < 5 && custody->key_reports().size() < 4; ++i) {  // on a busy machine
    custody = tests::MustStart(twins.Load(), journal);
  }
  REQUIRE_EQ(custody->key_reports().size(), 4);
  for (const char* setting : {"\"ca.key[0]\"", "\"ca.key[1]\"", "\"log.certificates.key[0]\"",
                              "\"log.certificates.key[1]\""}) {
    CAPTURE(setting);
    int found = 0;
    for (const auto& report : custody->key_reports()) {
      found += report.find(setting) != std::string::npos ? 1 : 0;
    }
    CHECK_EQ(found, 1);
  }
}

TEST_CASE("a dead token costs no caller anything, and heals by itself") {
  const Twins twins({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = StartBoth(twins, journal);
  Load load(*custody, 6);
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    twins.Ask("right", "C_Sign", "0x30");
    CHECK(tests::Eventually([&] { return !Up(*custody, "right"); }));
    CHECK(custody->Ready());
    const int before = load.good;
    CHECK(tests::Eventually([&] { return load.good > before + 10; }));
    twins.Unask("right", "C_Sign");
    CHECK(tests::Eventually([&] { return Up(*custody, "right"); }));
  }
  load.Stop();
  CHECK_EQ(load.bad, 0);
  const auto state = custody->State();
  CHECK_EQ(Probes(state).excess, 0);
  CHECK_LE(Probes(state).made, Probes(state).asked);
}

TEST_CASE("what a hanging token holds is asked of the other, and counted as asked again") {
  const Twins twins({.sign_deadline = "30s"});
  support::MemoryJournal journal;
  const auto custody = StartBoth(twins, journal);
  twins.Ask("right", "hang");
  // Two at a time: one of them meets the token that hangs.
  Load load(*custody, 2);
  CHECK(tests::Eventually([&] { return Twins::Of(*custody, "right").state.lent > 0; }));
  const int before = load.good;
  CHECK(tests::Eventually([&] { return load.good > before + 10; }));
  CHECK_EQ(custody->State().replacements, 0);  // nobody waited for the 30 s
  twins.Unask("right", "hang");
  CHECK(tests::Eventually([&] { return Twins::Of(*custody, "right").state.outstanding == 0; }));
  load.Stop();
  CHECK_EQ(load.bad, 0);
  const auto state = custody->State();
  CHECK_GE(Probes(state).again, 1);
  CHECK_EQ(Probes(state).excess, 0);
}

TEST_CASE("a token that is away at the start comes later; when both are away nothing starts") {
  const Twins twins;
  support::MemoryJournal journal;
  twins.Remove("right");
  {
    const auto custody = tests::MustStart(twins.Load(), journal);
    const auto lines = journal.lines();
    CHECK(std::ranges::any_of(lines, [](const std::string& line) {
      return line.starts_with("token-away role=issuing token=right");
    }));
    CHECK_FALSE(Up(*custody, "right"));
    CHECK_NE(Twins::Of(*custody, "right").state.reason.find("no token matches"), std::string::npos);
    CHECK(Signs(*custody, "one"));
    twins.Restore("right");
    CHECK(tests::Eventually([&] { return Up(*custody, "right"); }));
    CHECK(tests::Eventually(
        [&] { return Signs(*custody, "both") && SignaturesOf(*custody, "right") > 0; }));
  }
  twins.Remove("right");
  twins.Remove("left");
  const auto error = tests::StartError(twins.state());
  CHECK(error.Is(hsm::kKeyUnusable));
  CHECK_NE(error.detail.find("no token matches"), std::string::npos);
}

TEST_CASE("a token with another key stops the start, and is refused when it comes later") {
  const Twins twins;
  twins.MakeStranger();
  support::MemoryJournal journal;
  const auto custody = StartBoth(twins, journal);
  twins.Remove("right");
  ::kill(tests::PidOf(*custody, 1), SIGKILL);
  CHECK(tests::Eventually([&] { return !Up(*custody, "right"); }));
  twins.RestoreEstranged();
  CHECK(tests::Eventually([&] {
    return Twins::Of(*custody, "right").state.reason.find("is not that of ca.key") !=
           std::string::npos;
  }));
  CHECK(custody->Ready());
  for (int i = 0; i < 20; ++i) CHECK(Signs(*custody, std::to_string(i)));

  for (int i = 0; i < 5; ++i) {
    const auto again = hsm::Custody::Start(twins.Load(), tests::SignerProgram(), journal);
    if (again && i < 4) continue;  // on a busy machine it may not have said so in time
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().Is(hsm::kKeyUnusable));
    CHECK_NE(again.error().detail.find("is not that of ca.key"), std::string::npos);
    break;
  }
}

}  // namespace
