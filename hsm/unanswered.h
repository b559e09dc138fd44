// What signers have been asked without anyone waiting, and have not answered yet.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "hsm/custody.h"

namespace hsm {

// Thread-safe.
class Unanswered {
 public:
  // `taker`, counted until custody lets go of what is returned.
  static std::shared_ptr<SignatureTaker> Count(std::shared_ptr<Unanswered> unanswered,
                                               std::shared_ptr<SignatureTaker> taker) {
    return std::make_shared<Counted>(std::move(unanswered), std::move(taker));
  }

  // False: something was still unanswered at the deadline.
  bool AwaitNone(schema::Steady::time_point deadline) {
    std::unique_lock lock(mutex_);
    return none_.wait_until(lock, deadline, [this] { return count_ == 0; });
  }

 private:
  class Counted final : public SignatureTaker {
   public:
    Counted(std::shared_ptr<Unanswered> unanswered, std::shared_ptr<SignatureTaker> taker)
        : unanswered_(std::move(unanswered)), taker_(std::move(taker)) {
      const std::lock_guard lock(unanswered_->mutex_);
      ++unanswered_->count_;
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() override {
      const std::lock_guard lock(unanswered_->mutex_);
      if (--unanswered_->count_ == 0) unanswered_->none_.notify_all();
    }
    void Set(std::size_t slot, schema::Result<Signed> answer) override {
      taker_->Set(slot, std::move(answer));
    }
    bool Wants(std::size_t slot) const override { return taker_->Wants(slot); }

   private:
    const std::shared_ptr<Unanswered> unanswered_;
    const std::shared_ptr<SignatureTaker> taker_;
  };

  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;  // guarded by mutex_
};

}  // namespace hsm
