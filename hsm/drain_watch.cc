#include "hsm/drain_watch.h"

#include <utility>

namespace hsm {

DrainWatch::DrainWatch(std::filesystem::path state, std::function<void(const DrainNotes&)> tell)
    : state_(std::move(state)), tell_(std::move(tell)) {
  if (state_.empty()) return;
  tell_(ReadDrainNotes(state_));
  thread_ = std::thread([this] { Run(); });
}

DrainWatch::~DrainWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DrainWatch::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return stop_; })) tell_(ReadDrainNotes(state_));
}

}  // namespace hsm
