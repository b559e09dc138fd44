// Entries per second of the log alone, with software keys in this process, on the disk it is given.
//
//   log_bench DIRECTORY [waiters] [seconds]
//
// Prints one line: entries/s, commits, latency of Enter, CPU of the sequencer thread and of the
// whole process per entry, the largest write-ahead log, resident memory.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "tests/ca/log/house.h"

namespace {

using schema::Steady;

struct ThreadTimes {
  std::map<int, double> seconds;  // by thread id
};

// utime + stime of each thread: /proc/self/task/*/stat, fields 14 and 15.
ThreadTimes ReadThreads() {
  ThreadTimes times;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "schedstat");
    double nanoseconds = 0;
    in >> nanoseconds;
    times.seconds[std::stoi(task.path().filename())] = nanoseconds / 1e9;
  }
  return times;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentMb() {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  in >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: log_bench DIRECTORY [waiters] [seconds]\n");
    return 2;
  }
  const int waiters = argc > 2 ? std::atoi(argv[2]) : 64;
  const int seconds = argc > 3 ? std::atoi(argv[3]) : 5;
  log_test::House house;
  house.config.state = std::filesystem::path(argv[1]) / ("log-bench-" + std::to_string(getpid()));
  house.config.log.checkpoint = std::chrono::seconds(1);
  house.config.log.precertificate_backlog = 1'000'000;
  if (const auto opened = house.Open(); !opened) {
    std::fprintf(stderr, "%s\n", opened.error().Describe().c_str());
    return 1;
  }
  // Made in advance: the log is what is measured. The same TBS with serials of its own.
  const auto per_waiter = static_cast<std::size_t>(15000 * seconds / waiters + 1);
  std::vector<std::vector<ca::Grant>> grants(static_cast<std::size_t>(waiters));
  for (std::size_t w = 0; w < grants.size(); ++w) {
    for (std::size_t i = 0; i < per_waiter; ++i) {
      grants[w].push_back(house.MakeGrantFor(
          "https://ci.example/team" + std::to_string(i % 97) + "/app/.build.yml@refs/heads/main",
          std::to_string(w) + "-" + std::to_string(i)));
      grants[w].back().event = log_test::Event(
          {{"type", "granted"},
           {"claims",
            {{"sub", "repo:team/app:ref:refs/heads/main"}, {"filler", std::string(1200, 'x')}}}});
    }
  }
  const auto before = ReadThreads();
  const double cpu_before = CpuSeconds();
  const auto commits_before = house.log().State().commits;
  std::atomic<std::uint64_t> entered{0}, failed{0};
  std::vector<std::vector<double>> latencies(grants.size());
  const auto start = Steady::now();
  const auto end = start + std::chrono::seconds(seconds);
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < grants.size(); ++w) {
    threads.emplace_back([&, w] {
      for (ca::Grant& grant : grants[w]) {
        const auto began = Steady::now();
        if (began > end) break;
        const auto receipt = house.log().Enter(std::move(grant));
        latencies[w].push_back(
            std::chrono::duration<double, std::milli>(Steady::now() - began).count());
        if (!receipt) {
          ++failed;
          continue;
        }
        ++entered;
        // A certificate's bytes without a signature: signing is not what is measured.
        house.log().Finish(receipt->index(), schema::CertDer(schema::ToBytes(receipt->tbs())),
                           log_test::Event({{"type", "issued"}, {"request_id", "r"}}));
      }
    });
  }
  std::uintmax_t wal = 0;
  while (Steady::now() < end) {
    wal = std::max(wal, std::filesystem::file_size(house.database().string() + "-wal"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Steady::now() - start).count();
  const double cpu = CpuSeconds() - cpu_before;
  const auto after = ReadThreads();
  std::vector<double> all;
  for (const auto& list : latencies) all.insert(all.end(), list.begin(), list.end());
  std::ranges::sort(all);
  const auto n = static_cast<double>(std::max<std::uint64_t>(entered, 1));
  const auto percentile = [&](double p) {
    return all[static_cast<std::size_t>(p * static_cast<double>(all.size() - 1))];
  };
  std::printf(
      "waiters %d: %.0f entries/s, failed %llu, entries/commit %.1f, p50 %.2f ms, p99 %.2f ms, "
      "process CPU %.0f us/entry, wal %.0f MB, rss %.0f MB, waiting %zu\n",
      waiters, n / took, static_cast<unsigned long long>(failed.load()),
      n / static_cast<double>(house.log().State().commits - commits_before), percentile(0.5),
      percentile(0.99), cpu / n * 1e6, static_cast<double>(wal) / 1e6, ResidentMb(),
      house.log().State().precertificates_waiting);
  // The log's own threads in the order they were started: sealer, sequencer, publisher, keeper.
  const char* kNames[] = {"main", "sealer", "sequencer", "publisher", "keeper"};
  std::size_t position = 0;
  for (const auto& [tid, used] : after.seconds) {
    if (!before.seconds.contains(tid)) continue;
    if (position < 5)
      std::printf("  %-10s %.1f us/entry\n", kNames[position],
                  (used - before.seconds.at(tid)) / n * 1e6);
    ++position;
  }
  house.Close();
  std::filesystem::remove_all(house.config.state);
  return 0;
}
