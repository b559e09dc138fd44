// k sessions on a device that takes L for a signature sign k/L a second, whether one token has them
// or two: sleeping takes no processor. `scripts/bench --sessions` prints what is measured here.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "hsm/custody.h"
#include "tests/hsm/twins.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using schema::Steady;

constexpr int kCallersEach = 3;      // for each session, so that none idles
constexpr int kSignaturesEach = 20;  // of each session

// Signatures a second.
double Measure(hsm::Custody& custody, int sessions) {
  std::atomic<int> left{sessions * kSignaturesEach}, bad{0};
  std::vector<std::thread> callers;
  const auto begin = Steady::now();
  for (int i = 0; i < sessions * kCallersEach; ++i) {
    callers.emplace_back([&] {
      while (left-- > 0) {
        if (!custody.Sign(Purpose::kProbe, tests::Probe("rate"), Steady::now() + 30s)) ++bad;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  const std::chrono::duration<double> took = Steady::now() - begin;
  CHECK_EQ(bad, 0);
  return sessions * kSignaturesEach / took.count();
}

// What is printed is k/L; what is checked bears a busy machine, on which a sleeper wakes late.
void Report(int tokens, int sessions, int latency, double rate, std::map<int, double>& of_one) {
  const double limit = sessions * 1000.0 / latency;
  char line[120];
  std::snprintf(line, sizeof line,
                "tokens %d  sessions k %d  L %d ms  measured %.0f/s  k/L %.0f/s  ratio %.2f",
                tokens, sessions, latency, rate, limit, rate / limit);
  MESSAGE(line);
  CHECK_LT(rate / limit, 1.05);
  const double one = of_one.emplace(latency, rate).first->second;
  CHECK_GT(rate / one, 0.5 * sessions);
  if (latency == 73) CHECK_GT(rate / limit, 0.25);
}

}  // namespace

TEST_CASE("throughput of k sessions approaches k/L, in one token and in two") {
  std::map<int, double> of_one;  // by latency: signatures a second of one session
  for (const int sessions : {1, 4, 8}) {
    const tests::FaultyState faulty({.sessions = sessions, .sign_deadline = "20s"});
    support::MemoryJournal journal;
    const auto custody = tests::MustStart(faulty.state().Load(), journal);
    for (const int latency : {20, 73}) {
      faulty.Ask("latency", std::to_string(latency));
      Report(1, sessions, latency, Measure(*custody, sessions), of_one);
    }
  }
  for (const int each : {1, 2}) {
    const tests::Twins twins({.sessions = each, .sign_deadline = "20s"});
    support::MemoryJournal journal;
    const auto custody = tests::MustStart(twins.Load(), journal);
    const auto up = [&](const char* twin) {
      return tests::Twins::Of(*custody, twin).state.signers == static_cast<std::size_t>(each);
    };
    REQUIRE(tests::Eventually([&] { return up("left") && up("right"); }));
    for (const int latency : {20, 73}) {
      twins.Ask("left", "latency", std::to_string(latency));
      twins.Ask("right", "latency", std::to_string(latency));
      Report(2, 2 * each, latency, Measure(*custody, 2 * each), of_one);
    }
  }
}
