// A thread that works on the newest of what it is given; what it did not get to is dropped, and
// what it could not finish is tried again until there is something newer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace ca {

template <class Work>
class Newest {
 public:
  // `work` says whether it is done; what is not waits for `pause`. `last`: what waits at the end is
  // still worked on, once.
  Newest(std::function<bool(const Work&)> work, std::chrono::milliseconds pause, bool last)
      : work_(std::move(work)), pause_(pause), last_(last), thread_([this] { Run(); }) {}
  Newest(const Newest&) = delete;
  Newest& operator=(const Newest&) = delete;
  ~Newest() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void Give(Work work) {
    {
      const std::lock_guard lock(mutex_);
      waiting_ = std::move(work);
    }
    wake_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || waiting_; });
      if (!waiting_ || (stopping_ && !last_)) return;
      Work work = *std::exchange(waiting_, std::nullopt);
      lock.unlock();
      const bool done = work_(work);
      lock.lock();
      if (done || stopping_) continue;
      wake_.wait_for(lock, pause_, [this] { return stopping_ || waiting_; });
      if (!waiting_) waiting_ = std::move(work);
    }
  }

  const std::function<bool(const Work&)> work_;
  const std::chrono::milliseconds pause_;
  const bool last_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Work> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ca
