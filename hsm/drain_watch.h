// Tells signers what operators say of their tokens (drained.h) while a server runs.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "hsm/drained.h"

namespace hsm {

class DrainWatch {
 public:
  // `tell` gets what was said, at once and then on a thread of the watch's whenever it looks. An
  // empty `state` says nothing, ever.
  DrainWatch(std::filesystem::path state, std::function<void(const DrainNotes&)> tell);
  DrainWatch(const DrainWatch&) = delete;
  DrainWatch& operator=(const DrainWatch&) = delete;
  ~DrainWatch();

  static constexpr std::chrono::milliseconds kLook{200};

 private:
  void Run();

  const std::filesystem::path state_;
  const std::function<void(const DrainNotes&)> tell_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hsm
