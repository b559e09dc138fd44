// Signatures counted on both sides: an excess is seen, and nothing else is taken for one.
#include "hsm/tally.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <stop_token>
#include <thread>

#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;
using hsm::MadeCounts;
using hsm::Purpose;
using hsm::RunCounts;
using schema::Steady;
using Verdict = hsm::RunCounts::Verdict;

struct Told {
  const char* name;
  MadeCounts made;
  std::optional<Purpose> answered;
  Verdict want;
  std::uint64_t excess;  // of all purposes so far
};

// One run, answer after answer.
const Told kRun[] = {
    {"idle", {}, std::nullopt, Verdict::kAgree, 0},
    {"a probe", {1}, Purpose::kProbe, Verdict::kAgree, 0},
    {"a certificate", {1, 1}, Purpose::kCertificate, Verdict::kAgree, 0},
    {"a certificate too many", {1, 3}, Purpose::kCertificate, Verdict::kExcess, 1},
    {"which is told once", {1, 4}, Purpose::kCertificate, Verdict::kAgree, 1},
    {"of another purpose", {1, 5, 0, 2}, Purpose::kCertificate, Verdict::kExcess, 3},
    {"seen while idle", {4, 5, 0, 2}, std::nullopt, Verdict::kExcess, 6},
    {"fewer than before", {3, 5, 0, 2}, std::nullopt, Verdict::kContradict, 6},
    {"without the one that it answers", {4, 5, 0, 2}, Purpose::kSct, Verdict::kContradict, 6},
    {"after a lie the counts are as before it", {5, 5, 0, 2}, Purpose::kProbe, Verdict::kAgree, 6},
};

TEST_CASE("what a signer tells is compared with what it answered") {
  hsm::Tally tally;
  RunCounts run;
  for (const Told& told : kRun) {
    CAPTURE(told.name);
    CHECK(run.Take(told.made, told.answered, tally) == told.want);
    std::uint64_t excess = 0;
    for (const auto& count : tally.Counts()) excess += count.excess;
    CHECK_EQ(excess, told.excess);
  }
  CHECK_EQ(tally.Counts()[1].made, 5);
}

TEST_CASE("every purpose that signs has a name and a place") {
  for (int number = 0; number <= 0xff; ++number) {
    const auto purpose = static_cast<Purpose>(number);
    const bool signs = number >= 1 && number <= static_cast<int>(hsm::kSigningPurposes);
    CHECK_EQ(hsm::PlaceOf(purpose).has_value(), signs);
    CHECK_EQ(hsm::PurposeName(purpose) != "none", signs);
  }
}

std::uint64_t ExcessOf(const hsm::Custody& custody) {
  std::uint64_t excess = 0;
  for (const auto& count : custody.State().signatures) excess += count.excess;
  return excess;
}

TEST_CASE("a signer that signs for somebody else too is noticed at its next answer") {
  const support::HsmState state;
  support::MemoryJournal journal;
  auto custody = hsm::Custody::Start(state.Load(), tests::Beside("meddler"), journal);
  REQUIRE(custody.has_value());
  const auto sign = [&] {
    return (*custody)->Sign(Purpose::kProbe, tests::Probe("x"), Steady::now() + 5s).has_value();
  };
  REQUIRE(sign());
  CHECK_EQ(ExcessOf(**custody), 0);
  support::WriteFile(state.directory() / "meddle", "");
  CHECK(sign());  // nobody is refused a certificate for it
  CHECK_EQ(ExcessOf(**custody), 2);
  std::filesystem::remove(state.directory() / "meddle");
  CHECK(sign());
  CHECK_EQ(ExcessOf(**custody), 2);
  const auto count = (*custody)->State().signatures[0];
  CHECK_EQ(count.asked, 3);
  CHECK_EQ(count.made, 5);
  bool said = false;
  for (const std::string& line : journal.lines()) said |= line.starts_with("signature-excess");
  CHECK(said);
}

TEST_CASE("signers that are killed, stopped and lose their sessions are never taken for it") {
  const tests::FaultyState faulty({.sessions = 2, .sign_deadline = "300ms"});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  std::vector<std::jthread> callers;  // stop and are joined also where a REQUIRE ends the test
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        // Whoever is refused lets the signers have the processor.
        if (!custody->Sign(Purpose::kProbe, tests::Probe("y"), Steady::now() + 1s)) {
          std::this_thread::sleep_for(10ms);
        }
      }
    });
  }
  // What is always so, in the midst of it too.
  const auto made = [&] {
    const auto count = custody->State().signatures[0];
    CHECK_LE(count.made, count.asked);
    CHECK_LE(count.asked, count.made + count.lost + 2 * 16);  // on the way to two signers
    CHECK_EQ(ExcessOf(*custody), 0);
    return count.made;
  };
  for (int i = 0; i < 9; ++i) {
    CAPTURE(i);
    const auto before = made();
    // A signer that is stopped while it opens its keys is given ten seconds, and the other waits
    // for its turn at the PIN.
    CHECK(tests::Eventually([&] { return made() > before + 20; }));
    if (i % 3 == 0) ::kill(tests::PidOf(*custody, 0), SIGKILL);
    if (i % 3 == 1) faulty.Ask("drop-sessions", std::to_string(i));
    if (i % 3 == 2) ::kill(tests::PidOf(*custody, 1), SIGSTOP);
  }
  callers.clear();
  CHECK_EQ(ExcessOf(*custody), 0);
  CHECK_GT(custody->State().signatures[0].lost, 0);
}

}  // namespace
