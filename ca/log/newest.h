// A thread that works on the newest of what it is given; what it did not get to is dropped.
#pragma once

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
  // `last`: what waits at the end is still worked on.
  Newest(std::function<void(Work)> work, bool last)
      : work_(std::move(work)), last_(last), thread_([this] { Run(); }) {}
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
      work_(std::move(work));
      lock.lock();
    }
  }

  const std::function<void(Work)> work_;
  const bool last_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Work> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ca
