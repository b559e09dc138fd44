#include "hsm/queue.h"

#include <sys/eventfd.h>

#include <algorithm>

namespace hsm {

using schema::Error;
using schema::Result;
using schema::Steady;

namespace {

// Jobs of one side; the sequencer may bring a whole commit at once.
constexpr std::size_t kQueueMax = 2048;
constexpr int kRetriesMax = 1;

Error Unavailable(std::string why) { return Error{&kSignerUnavailable, std::move(why)}; }

}  // namespace

void Group::Set(std::size_t slot, Result<Signed> result) {
  const std::lock_guard lock(mutex_);
  if (abandoned_ || results_[slot].has_value()) return;
  results_[slot] = std::move(result);
  // Under the lock: the waiter may free the group as soon as it sees zero.
  if (--remaining_ == 0) done_.notify_one();
}

std::vector<Result<Signed>> Group::Wait(Steady::time_point deadline) {
  std::unique_lock lock(mutex_);
  done_.wait_until(lock, deadline, [this] { return remaining_ == 0; });
  abandoned_ = true;
  std::vector<Result<Signed>> out;
  out.reserve(results_.size());
  for (auto& result : results_) {
    out.push_back(result ? std::move(*result) : Unavailable("no answer until the deadline"));
  }
  return out;
}

bool Group::Abandoned() const {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

bool Queue::AllDown() const {
  return std::ranges::all_of(lanes_,
                             [](const LaneState& lane) { return lane.state == Lane::kDown; });
}

std::string Queue::ReasonLocked() const {
  std::string why;
  for (const LaneState& lane : lanes_) {
    if (lane.state == Lane::kReady) return {};
    if (why.empty()) why = lane.why;
  }
  return why.empty() ? "a signer is starting" : why;
}

// Of the other side no more than are taken in turn with its own.
std::size_t Queue::Ahead(Purpose purpose) const {
  const std::size_t own = Side(purpose).size();
  const std::size_t other = first_.size() + second_.size() - own;
  const bool other_next = second_next_ != (purpose == Purpose::kPrecertificate);
  std::size_t ahead = own + std::min(other, own + (other_next ? 1 : 0));
  for (const LaneState& lane : lanes_) ahead += lane.in_flight;
  return ahead;
}

const char* Queue::WhyNotNow(const Job& job) const {
  if (Side(job.purpose).size() >= kQueueMax) return "too much waits for the HSM";
  const std::size_t ahead = Ahead(job.purpose);
  // A device of 13 signatures a second must not make a thread wait for what cannot come in time.
  const auto lanes = static_cast<std::size_t>(std::max(1, ready_.load()));
  const auto wait = each_ * static_cast<std::int64_t>(ahead / lanes);
  const bool late =
      job.deadline != Steady::time_point::max() && Steady::now() + wait > job.deadline;
  return late ? "the HSM cannot reach this before its deadline" : nullptr;
}

void Queue::Submit(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  std::size_t added = 0;
  for (Job& job : jobs) {
    if (AllDown()) {
      job.Finish(Unavailable(ReasonLocked()));
    } else if (const char* why = WhyNotNow(job); why != nullptr) {
      job.Finish(Unavailable(why));
    } else {
      Side(job.purpose).push_back(std::move(job));
      ++added;
    }
  }
  WakeIdle(added);
}

void Queue::WakeIdle(std::size_t jobs) {
  for (std::size_t i = 0; i < lanes_.size() && jobs > 0; ++i) {
    if (!lanes_[i].idle) continue;
    lanes_[i].idle = false;
    MUST(::eventfd_write(wake_[i], 1) == 0);
    --jobs;
  }
}

std::optional<Job> Queue::Pop() {
  const bool second = first_.empty() || (second_next_ && !second_.empty());
  std::deque<Job>& side = second ? second_ : first_;
  if (side.empty()) return std::nullopt;
  second_next_ = !second;
  Job job = std::move(side.front());
  side.pop_front();
  return job;
}

std::vector<Job> Queue::Take(std::size_t lane, std::size_t most) {
  const std::lock_guard lock(mutex_);
  lanes_[lane].idle = false;
  const std::size_t waiting = first_.size() + second_.size();
  const auto idle = static_cast<std::size_t>(
      std::ranges::count_if(lanes_, [](const LaneState& other) { return other.idle; }));
  // A fair share when others are about to come for theirs.
  const std::size_t share = std::min(most, (waiting + idle) / (idle + 1));
  std::vector<Job> batch;
  const auto now = Steady::now();
  while (batch.size() < share) {
    std::optional<Job> job = Pop();
    if (!job) break;
    if (now >= job->deadline || job->group->Abandoned()) {
      job->Finish(Unavailable("the HSM did not reach this before its deadline"));
      continue;
    }
    batch.push_back(*std::move(job));
  }
  lanes_[lane].in_flight = batch.size();
  lanes_[lane].idle = batch.empty();
  return batch;
}

void Queue::Return(std::size_t lane, std::vector<Job> jobs, const std::string& why, bool lost) {
  const std::lock_guard lock(mutex_);
  const int retries_max = kRetriesMax + (lost ? static_cast<int>(lanes_.size()) : 0);
  lanes_[lane].in_flight = 0;
  std::size_t added = 0;
  for (Job& job : jobs) {
    if (job.group == nullptr) continue;
    if (job.retries >= retries_max || AllDown()) {
      job.Finish(Unavailable(why));
      continue;
    }
    ++job.retries;
    Side(job.purpose).push_front(std::move(job));
    ++added;
  }
  WakeIdle(added);
}

void Queue::Done(std::size_t lane, Steady::duration each) {
  const std::lock_guard lock(mutex_);
  lanes_[lane].in_flight = 0;
  each_ = each_.count() == 0 ? each : (each_ * 7 + each) / 8;
}

void Queue::SetLane(std::size_t lane, Lane state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  lanes_[lane] = {state, why, false, 0};
  ready_ = static_cast<int>(std::ranges::count_if(
      lanes_, [](const LaneState& other) { return other.state != Lane::kDown; }));
  if (!AllDown()) return;
  while (std::optional<Job> job = Pop()) job->Finish(Unavailable(why));
}

std::string Queue::Reason() const {
  const std::lock_guard lock(mutex_);
  return ReasonLocked();
}

std::size_t Queue::Waiting() const {
  const std::lock_guard lock(mutex_);
  return first_.size() + second_.size();
}

}  // namespace hsm
