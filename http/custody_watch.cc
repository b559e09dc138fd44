#include "http/custody_watch.h"

namespace http {

namespace {

constexpr std::size_t kOwedMax = 64;  // while the log itself is down; then the oldest are dropped

}  // namespace

CustodyWatch::CustodyWatch(const hsm::Custody& custody,
                           std::function<schema::Outcome(schema::Json)> note,
                           schema::Journal& journal, std::chrono::milliseconds look)
    : custody_(custody),
      note_(std::move(note)),
      journal_(journal),
      roles_{Role{"issuing"}, Role{"log"}},
      thread_([this, look] { Run(look); }) {}

CustodyWatch::~CustodyWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CustodyWatch::Run(std::chrono::milliseconds look) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, look, [this] { return stop_; })) {
    lock.unlock();
    // Cheap while all is well, which is nearly always.
    if (!custody_.Ready() || !roles_[0].up || !roles_[1].up) {
      const hsm::CustodyState state = custody_.State();
      Look(roles_[0], state.issuing_ready, state.reason);
      Look(roles_[1], state.log_ready, state.reason);
    }
    Settle();
    lock.lock();
  }
}

void CustodyWatch::Look(Role& role, bool up, const std::string& reason) {
  if (up == role.up) return;
  role.up = up;
  const auto now = schema::Steady::now();
  if (!up) {
    role.down_since = now;
    owed_.push_back({{"type", "hsm-lost"}, {"role", role.name}, {"reason", reason}});
    return;
  }
  const auto down = std::chrono::duration_cast<std::chrono::milliseconds>(now - role.down_since);
  owed_.push_back({{"type", "hsm-recovered"}, {"role", role.name}, {"down_ms", down.count()}});
}

void CustodyWatch::Settle() {
  while (!owed_.empty()) {
    if (const auto noted = note_(owed_.front()); !noted) {
      if (owed_.size() <= kOwedMax) return;
      journal_.Warning("event-dropped", {{"type", owed_.front()["type"].get<std::string>()},
                                         {"reason", noted.error().Describe()}});
    }
    owed_.erase(owed_.begin());
  }
}

}  // namespace http
