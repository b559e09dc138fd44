#include "hsm/bench.h"

#include <algorithm>
#include <string>
#include <thread>

#include "hsm/custody.h"
#include "hsm/guard.h"

namespace hsm {

using schema::Steady;

namespace {

constexpr int kCallersEach = 8;
constexpr double kEnough = 0.9;
constexpr std::chrono::seconds kPatience{30};  // of one signature

struct Phase {
  std::vector<double> milliseconds;  // sorted
  double per_second = 0;
  std::uint64_t failures = 0;
};

struct Caller {
  std::vector<double> milliseconds;
  std::uint64_t failures = 0;

  void Run(Custody& custody, int number, Steady::time_point until) {
    for (int i = 0; Steady::now() < until; ++i) {
      const std::string text =
          std::string(kProbePrefix) + "bench " + std::to_string(number) + "/" + std::to_string(i);
      const auto begin = Steady::now();
      const auto got = custody.Sign(Purpose::kProbe, schema::AsBytes(text), begin + kPatience);
      const std::chrono::duration<double, std::milli> took = Steady::now() - begin;
      if (got) {
        milliseconds.push_back(took.count());
      } else {
        ++failures;
      }
    }
  }
};

Phase RunPhase(Custody& custody, int callers, std::chrono::milliseconds duration) {
  std::vector<Caller> all(static_cast<std::size_t>(callers));
  std::vector<std::thread> threads;
  const auto begin = Steady::now();
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&custody, &all, i, until = begin + duration] {
      all[static_cast<std::size_t>(i)].Run(custody, i, until);
    });
  }
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> took = Steady::now() - begin;
  Phase phase;
  for (const Caller& caller : all) {
    phase.failures += caller.failures;
    phase.milliseconds.insert(phase.milliseconds.end(), caller.milliseconds.begin(),
                              caller.milliseconds.end());
  }
  std::ranges::sort(phase.milliseconds);
  phase.per_second = static_cast<double>(phase.milliseconds.size()) / took.count();
  return phase;
}

double Quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

schema::Result<BenchRow> BenchSessions(schema::Config config, schema::KeyToken token, int sessions,
                                       std::chrono::milliseconds duration,
                                       const std::filesystem::path& program,
                                       schema::Journal& journal) {
  token.sessions = sessions;
  config.ca.keys = {std::move(token)};
  config.state.clear();       // a drained token is there to be measured
  config.hsm.socket.clear();  // signers of our own: a supervisor has those of the server
  TRY(const auto custody, Custody::Start(config, program, journal));
  const Phase alone = RunPhase(*custody, sessions, duration / 2);
  const Phase full = RunPhase(*custody, sessions * kCallersEach, duration / 2);
  return BenchRow{sessions, full.per_second, Quantile(alone.milliseconds, 0.5),
                  Quantile(alone.milliseconds, 0.99), alone.failures + full.failures};
}

int SuggestedSessions(const std::vector<BenchRow>& rows) {
  MUST(!rows.empty());
  const double best = std::ranges::max(rows, {}, &BenchRow::per_second).per_second;
  int fewest = 0;
  for (const BenchRow& row : rows) {
    const bool enough = row.per_second >= kEnough * best;
    if (enough && (fewest == 0 || row.sessions < fewest)) fewest = row.sessions;
  }
  return fewest;
}

}  // namespace hsm
