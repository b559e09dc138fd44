#include "http/in_force.h"

#include <utility>

namespace http {

const schema::ErrorKind kChanging{"configuration-changing", schema::Fault::kBusy,
                                  "the server takes up a new configuration; try again in a second"};

std::shared_ptr<const Answers> InForce::Take(std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return answers_ != nullptr; });
  return answers_;
}

bool InForce::Withdraw(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::weak_ptr<const Answers> rest = answers_;
  {
    // Perhaps the last one: Destroy takes the mutex.
    auto ours = std::move(answers_);
    lock.unlock();
    ours.reset();
    lock.lock();
  }
  const auto destroyed = [this] { return destroyed_; };
  if (changed_.wait_for(lock, limit, destroyed)) return true;
  answers_ = rest.lock();
  if (answers_ == nullptr) {
    changed_.wait(lock, destroyed);  // in this moment
    return true;
  }
  lock.unlock();
  changed_.notify_all();
  return false;
}

void InForce::Put(Answers next) {
  std::shared_ptr<const Answers> made(new Answers(std::move(next)),
                                      [this](const Answers* answers) { Destroy(answers); });
  {
    const std::lock_guard lock(mutex_);
    MUST(destroyed_);
    destroyed_ = false;
    answers_ = std::move(made);
  }
  changed_.notify_all();
}

void InForce::Destroy(const Answers* answers) {
  delete answers;
  {
    const std::lock_guard lock(mutex_);
    destroyed_ = true;
  }
  changed_.notify_all();
}

}  // namespace http
