// Results of a numbered series, made by several threads, taken in order by one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <utility>

namespace ca::audit {

// Makes `make(0)`, `make(1)`, … up to `count`, at most `window` of them at once or not yet taken,
// so memory does not grow with `count`. `make` is called on threads of its own. Waits for them in
// the destructor.
template <class T>
class Ahead {
 public:
  Ahead(std::uint64_t count, std::size_t window, std::function<T(std::uint64_t)> make)
      : count_(count), window_(window), make_(std::move(make)) {}

  // Blocks until the next is made; nothing at the end.
  std::optional<T> Next() {
    while (started_ < count_ && ready_.size() < window_) {
      ready_.push_back(std::async(std::launch::async, make_, started_++));
    }
    if (ready_.empty()) return std::nullopt;
    T next = ready_.front().get();
    ready_.pop_front();
    return next;
  }

 private:
  const std::uint64_t count_;
  const std::size_t window_;
  const std::function<T(std::uint64_t)> make_;
  std::uint64_t started_ = 0;
  std::deque<std::future<T>> ready_;
};

}  // namespace ca::audit
