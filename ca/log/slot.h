// One answer from one thread to one other: each waiter is woken by itself.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace ca {

// Shared, so that the giver may still hold it while the waiter goes away.
template <class T>
class Slot {
 public:
  void Give(T value) {
    std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
    given_.notify_one();
  }
  // Once, by one thread.
  T Wait() {
    std::unique_lock lock(mutex_);
    given_.wait(lock, [this] { return value_.has_value(); });
    return *std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::optional<T> value_;
};

template <class T>
using SlotPtr = std::shared_ptr<Slot<T>>;

}  // namespace ca
