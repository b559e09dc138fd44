#include "http/custody_watch.h"

#include <algorithm>

namespace http {

namespace {

constexpr std::size_t kOwedMax = 64;  // while the log itself is down; then the oldest are dropped

}  // namespace

CustodyWatch::CustodyWatch(const hsm::Custody& custody,
                           std::function<schema::Outcome(schema::Json)> note,
                           std::function<ca::LogState()> log, schema::Journal& journal,
                           std::chrono::milliseconds look)
    : custody_(custody),
      note_(std::move(note)),
      log_(std::move(log)),
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
    const hsm::CustodyState state = custody_.State();
    Look(roles_[0], state.issuing_ready, state.reason);
    Look(roles_[1], state.log_ready, state.reason);
    Count(state);
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

void CustodyWatch::Count(const hsm::CustodyState& state) {
  for (const Excess& excess : FindExcess(state, log_())) {
    const hsm::SignatureCount& count = excess.count;
    std::uint64_t& told = told_[count.purpose];
    if (count.excess < std::max<std::uint64_t>(1, told * 2)) continue;
    told = count.excess;
    schema::Json event = {
        {"type", "signature-excess"}, {"purpose", hsm::PurposeName(count.purpose)},
        {"excess", count.excess},     {"made", count.made},
        {"asked", count.asked},       {"again", count.again},
        {"lost", count.lost}};
    if (count.purpose == hsm::Purpose::kCertificate) {
      event["entered"] = excess.entered;
      event["retried"] = excess.retried;
    }
    journal_.Error("signature-excess", {{"reason", excess.Text()}});
    owed_.push_back(std::move(event));
  }
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
