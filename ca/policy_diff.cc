#include "ca/policy_diff.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "ca/replay/worker.h"

namespace ca {

using schema::Error;
using schema::Result;

namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};

// Threads that drain one source, until it is empty or one of them fails.
class Crew {
 public:
  Crew(const DiffRun& run, EventSource* source)
      : source_(source), claims_(ClaimsRead(run.before, run.after)) {
    for (unsigned i = 0; i < std::max(1U, run.threads); ++i) {
      workers_.push_back(std::make_unique<ReplayWorker>(run, claims_));
    }
  }

  std::optional<Error> Work(const std::function<void(double)>& progress) {
    running_ = workers_.size();
    std::vector<std::thread> threads;
    threads.reserve(workers_.size());
    for (const auto& worker : workers_) {
      threads.emplace_back([this, &worker] { Drain(worker.get()); });
    }
    {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, kProgressEvery, [this] { return running_ == 0; })) {
        lock.unlock();
        if (progress) progress(source_->Done());
        lock.lock();
      }
    }
    for (std::thread& thread : threads) thread.join();
    return std::move(error_);
  }

  const std::vector<std::unique_ptr<ReplayWorker>>& workers() const { return workers_; }

 private:
  void Drain(ReplayWorker* worker) {
    EventBlock block;
    while (!stop_) {
      const auto some = source_->Next(&block);
      if (!some) Fail(some.error());
      if (!some || !*some) break;
      for (const std::string_view event : block.lines) worker->Take(event);
    }
    std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_all();
  }
  void Fail(const Error& error) {
    stop_ = true;
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }

  EventSource* const source_;
  const std::vector<std::string> claims_;
  std::vector<std::unique_ptr<ReplayWorker>> workers_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;     // guarded by mutex_, as is
  std::optional<Error> error_;  // the first
};

auto Identity(const DiffGroup& group) {
  return std::tie(group.change, group.before, group.after, group.issuer, group.subject);
}

// Threads have met the same identities.
std::vector<DiffGroup> Merged(std::vector<DiffGroup> groups) {
  std::ranges::sort(
      groups, [](const DiffGroup& a, const DiffGroup& b) { return Identity(a) < Identity(b); });
  std::vector<DiffGroup> out;
  for (DiffGroup& group : groups) {
    if (out.empty() || Identity(out.back()) != Identity(group)) {
      out.push_back(std::move(group));
      continue;
    }
    out.back().events += group.events;
    out.back().certificates += group.certificates;
    out.back().last = std::max(out.back().last, group.last);
  }
  std::ranges::stable_sort(out, [](const DiffGroup& a, const DiffGroup& b) {
    return a.change != b.change ? a.change < b.change : a.events > b.events;
  });
  return out;
}

}  // namespace

Result<DiffReport> Replay(const DiffRun& run, EventSource* source) {
  Crew crew(run, source);
  if (auto error = crew.Work(run.progress)) return *std::move(error);
  DiffReport report;
  for (const auto& worker : crew.workers()) worker->AddTo(&report);
  report.groups = Merged(std::move(report.groups));
  std::ranges::sort(report.listed, [](const Undecided& a, const Undecided& b) {
    return std::tie(a.time, a.request_id) < std::tie(b.time, b.request_id);
  });
  if (report.listed.size() > kDiffListed) report.listed.resize(kDiffListed);
  return report;
}

}  // namespace ca
