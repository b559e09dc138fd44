// Signatures a second through Custody, with SoftHSM: custody_bench [seconds]
//
// One line for each number of signers and callers; latency is what a caller of Sign sees.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "hsm/custody.h"
#include "hsm/guard.h"
#include "hsm/key_set.h"
#include "tests/hsm/tbs.h"
#include "tests/support/fakes.h"
#include "tests/support/softhsm.h"

namespace {

using schema::Steady;
using Microseconds = std::chrono::duration<double, std::micro>;

void Measure(int sessions, int callers, std::chrono::seconds duration,
             const std::filesystem::path& program) {
  const support::HsmState state({.sessions = sessions});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  auto custody = hsm::Custody::Start(config, program, journal);
  MUST(custody.has_value());
  const auto settings = hsm::ReadGuardSettings(config);
  MUST(settings.has_value());
  const auto now = schema::ToSeconds(schema::SystemClock().Now());
  const schema::Bytes tbs =
      tests::Build(tests::SampleTbs(*settings, hsm::Purpose::kCertificate, now));

  const auto end = Steady::now() + duration;
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(callers));
  std::vector<std::thread> threads;
  for (auto& mine : latencies) {
    threads.emplace_back([&] {
      while (Steady::now() < end) {
        const auto begin = Steady::now();
        const auto got =
            (*custody)->Sign(hsm::Purpose::kCertificate, tbs, begin + std::chrono::seconds(5));
        MUST(got.has_value());
        mine.push_back(Microseconds(Steady::now() - begin).count());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& mine : latencies) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  const auto at = [&](double share) {
    return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  };
  std::printf("signers %d  callers %2d  %7.0f/s  p50 %6.0f us  p99 %6.0f us\n", sessions, callers,
              static_cast<double>(all.size()) / static_cast<double>(duration.count()), at(0.5),
              at(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::seconds duration(argc > 1 ? std::atoi(argv[1]) : 3);
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "hsm_signer";
  for (const int sessions : {1, 2}) {
    for (const int callers : {1, 8, 64}) Measure(sessions, callers, duration, program);
  }
  return 0;
}
