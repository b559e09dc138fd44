#include "hsm/queue.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "hsm/balance.h"

namespace hsm {

using schema::Error;
using schema::Result;
using schema::Steady;

namespace {

// Jobs of one side; the sequencer may bring a whole commit at once.
constexpr std::size_t kQueueMax = 2048;
constexpr int kRetriesMax = 1;

constexpr const char* kDrainedText = "drained by an operator";

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

bool Group::Wants(std::size_t slot) const {
  const std::lock_guard lock(mutex_);
  return !abandoned_ && !results_[slot].has_value();
}

Queue::Queue(std::vector<int> wake, const std::vector<std::size_t>& token_of,
             const std::vector<int>& weights)
    : wake_(std::move(wake)) {
  MUST(token_of.size() == wake_.size());
  for (const std::size_t token : token_of) lanes_.push_back({token});
  for (const int weight : weights) shares_.push_back({weight});
}

bool Queue::Serves(const LaneState& lane) const {
  return lane.state != Lane::kDown && !shares_[lane.token].drained();
}

bool Queue::Usable(std::size_t token) const {
  return std::ranges::any_of(
      lanes_, [&](const LaneState& lane) { return lane.token == token && Serves(lane); });
}

bool Queue::OtherUsable(std::size_t token) const {
  for (std::size_t other = 0; other < shares_.size(); ++other) {
    if (other != token && Usable(other)) return true;
  }
  return false;
}

bool Queue::MayTake(std::size_t token, const Job& job) const {
  return job.failed_in != token || !OtherUsable(token);
}

bool Queue::AllDown() const {
  return std::ranges::none_of(lanes_, [this](const LaneState& lane) { return Serves(lane); });
}

std::string Queue::ReasonLocked() const {
  std::string why;
  for (const LaneState& lane : lanes_) {
    const bool drained = shares_[lane.token].drained();
    if (lane.state == Lane::kReady && !drained) return {};
    if (why.empty()) why = drained ? kDrainedText : lane.why;
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

// By lanes at work together, each at its own pace.
Steady::duration Queue::TimeOf(std::size_t signatures) const {
  double rate = 0;  // signatures for each tick of the clock
  for (const LaneState& lane : lanes_) {
    if (Serves(lane) && lane.each.count() > 0) rate += 1 / static_cast<double>(lane.each.count());
  }
  if (rate == 0) return {};
  return Steady::duration(static_cast<Steady::rep>(static_cast<double>(signatures) / rate));
}

Steady::duration Queue::TimeFor(std::size_t more, std::size_t precertificates) const {
  const std::lock_guard lock(mutex_);
  if (more == 0) return {};
  const std::size_t before = first_.size() + more - 1;
  // Taken in turn: those that wait, and those that the ones before will have brought by then.
  const std::size_t turns = second_.empty() ? before : before + 1;
  const std::size_t waiting = before + turns * precertificates;
  std::size_t in_flight = 0, free = 0;
  for (const LaneState& lane : lanes_) {
    in_flight += lane.in_flight;
    free += Serves(lane) && lane.in_flight == 0 ? 1 : 0;
  }
  return waiting < free ? Steady::duration() : TimeOf(in_flight + waiting + 1);
}

const char* Queue::WhyNotNow(const Job& job) const {
  if (Side(job.purpose).size() >= kQueueMax) return "too much waits for the HSM";
  // A device of 13 signatures a second must not make a thread wait for what cannot come in time.
  const auto wait = TimeOf(Ahead(job.purpose));
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

std::optional<std::size_t> Queue::NextIdle(std::optional<std::size_t> avoid) const {
  std::vector<TokenLoad> loads;
  for (const Share& share : shares_) loads.push_back({0, share.given, share.weight, false});
  for (const LaneState& lane : lanes_) {
    TokenLoad& load = loads[lane.token];
    load.outstanding += lane.in_flight + (lane.woken ? 1 : 0);
    load.free = load.free || (lane.idle && Serves(lane));
  }
  if (avoid && OtherUsable(*avoid)) loads[*avoid].free = false;
  const auto token = LeastLoaded(loads);
  if (!token) return std::nullopt;
  const auto lane = std::ranges::find_if(
      lanes_, [&](const LaneState& each) { return each.idle && each.token == *token; });
  return static_cast<std::size_t>(lane - lanes_.begin());
}

void Queue::WakeIdle(std::size_t jobs, std::optional<std::size_t> avoid) {
  for (; jobs > 0; --jobs) {
    const auto lane = NextIdle(avoid);
    if (!lane) return;
    lanes_[*lane].idle = false;
    lanes_[*lane].woken = true;
    MUST(::eventfd_write(wake_[*lane], 1) == 0);
  }
}

std::optional<Job> Queue::Pop(std::size_t token) {
  const bool second_first = first_.empty() || (second_next_ && !second_.empty());
  for (const bool second : {second_first, !second_first}) {
    std::deque<Job>& side = second ? second_ : first_;
    const auto at = std::ranges::find_if(side, [&](const Job& job) { return MayTake(token, job); });
    if (at == side.end()) continue;
    second_next_ = !second;
    Job job = std::move(*at);
    side.erase(at);
    return job;
  }
  return std::nullopt;
}

std::vector<Job> Queue::Take(std::size_t number, std::size_t most) {
  const std::lock_guard lock(mutex_);
  LaneState& lane = lanes_[number];
  lane.idle = lane.woken = false;
  if (!Serves(lane)) return {};
  const std::size_t waiting = first_.size() + second_.size();
  const auto idle = static_cast<std::size_t>(
      std::ranges::count_if(lanes_, [](const LaneState& other) { return other.idle; }));
  // A fair share when others are about to come for theirs.
  const std::size_t share = std::min(most, (waiting + idle) / (idle + 1));
  std::vector<Job> batch;
  const auto now = Steady::now();
  while (batch.size() < share) {
    std::optional<Job> job = Pop(lane.token);
    if (!job) break;
    if (now >= job->deadline || !job->group->Wants(job->slot)) {
      job->Finish(Unavailable("the HSM did not reach this before its deadline"));
      continue;
    }
    batch.push_back(*std::move(job));
  }
  lane.in_flight = batch.size();
  lane.idle = batch.empty();
  shares_[lane.token].given += batch.size();
  return batch;
}

std::size_t Queue::Lend(std::size_t lane, std::vector<Job>& jobs) {
  const std::lock_guard lock(mutex_);
  const std::size_t token = lanes_[lane].token;
  if (!OtherUsable(token)) return 0;
  std::size_t added = 0;
  for (Job& job : jobs) {
    if (job.group == nullptr || job.lent || job.retries > 0 || !job.group->Wants(job.slot)) {
      continue;
    }
    job.lent = true;
    Job copy = job;
    ++copy.retries;
    copy.failed_in = token;
    copy.lent = false;
    Side(copy.purpose).push_front(std::move(copy));
    ++added;
  }
  shares_[token].lent += added;
  WakeIdle(added, token);
  return added;
}

void Queue::Return(std::size_t lane, std::vector<Job> jobs, const std::string& why, bool lost) {
  const std::lock_guard lock(mutex_);
  const std::size_t token = lanes_[lane].token;
  const int retries_max = kRetriesMax + (lost ? static_cast<int>(lanes_.size()) : 0);
  lanes_[lane].in_flight = 0;
  shares_[token].failures += jobs.size();
  std::size_t added = 0;
  for (Job& job : jobs) {
    if (job.group == nullptr || job.lent) continue;  // what was lent has had its second try
    if (job.retries >= retries_max || AllDown()) {
      job.Finish(Unavailable(why));
      continue;
    }
    ++job.retries;
    job.failed_in = token;
    Side(job.purpose).push_front(std::move(job));
    ++added;
  }
  WakeIdle(added, token);
}

void Queue::Done(std::size_t lane, Steady::duration each) {
  const std::lock_guard lock(mutex_);
  lanes_[lane].in_flight = 0;
  lanes_[lane].each = each;
}

void Queue::Expect(std::size_t lane, Steady::duration each) {
  const std::lock_guard lock(mutex_);
  if (lanes_[lane].each.count() == 0) lanes_[lane].each = each;
}

void Queue::FinishAll(const std::string& why) {
  for (std::deque<Job>* side : {&first_, &second_}) {
    for (const Job& job : *side) job.Finish(Unavailable(why));
    side->clear();
  }
}

bool Queue::SetLane(std::size_t number, Lane state, const std::string& why, bool refused) {
  const std::lock_guard lock(mutex_);
  LaneState& lane = lanes_[number];
  const bool was_usable = Usable(lane.token);
  lane = {.token = lane.token, .state = state, .why = why, .refused = refused, .each = lane.each};
  Changed(why, was_usable, lane.token);
  const bool back = state == Lane::kReady && Usable(lane.token);
  return back && std::exchange(shares_[lane.token].gone, false);
}

void Queue::SetNote(std::size_t token, const std::optional<DrainNote>& note) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_[token];
  const bool was_drained = share.drained(), was_usable = Usable(token);
  share.note = note;
  if (was_drained == share.drained()) return;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].token != token) continue;
    if (was_drained && lanes_[i].state == Lane::kDown) lanes_[i].state = Lane::kStarting;
    MUST(::eventfd_write(wake_[i], 1) == 0);
  }
  Changed(kDrainedText, was_usable, token);
}

// What follows from another state of a lane or of its token.
void Queue::Changed(const std::string& why, bool was_usable, std::size_t token) {
  ready_ = static_cast<int>(
      std::ranges::count_if(lanes_, [this](const LaneState& lane) { return Serves(lane); }));
  if (!Usable(token)) shares_[token].gone = true;
  if (AllDown()) {
    FinishAll(why);
    return;
  }
  if (was_usable == Usable(token)) return;
  // A token that comes back starts even with the others, and what it failed at may go to it when
  // it is the only one.
  for (Share& share : shares_) share.given = 0;
  WakeIdle(first_.size() + second_.size());
}

void Queue::CameBack(std::size_t lane, std::vector<std::string> reports) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_[lanes_[lane].token];
  ++share.comebacks;
  share.reports = std::move(reports);
}

bool Queue::Drained(std::size_t lane) const {
  const std::lock_guard lock(mutex_);
  return shares_[lanes_[lane].token].drained();
}

std::string Queue::Reason() const {
  const std::lock_guard lock(mutex_);
  return ReasonLocked();
}

std::size_t Queue::Waiting() const {
  const std::lock_guard lock(mutex_);
  return first_.size() + second_.size();
}

std::vector<TokenState> Queue::Tokens() const {
  const std::lock_guard lock(mutex_);
  std::vector<TokenState> tokens(shares_.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Share& share = shares_[i];
    tokens[i].standing = share.drained() ? TokenStanding::kDrained
                         : Usable(i)     ? TokenStanding::kServing
                                         : TokenStanding::kAway;
    tokens[i].lent = share.lent;
    tokens[i].failures = share.failures;
    tokens[i].comebacks = share.comebacks;
    tokens[i].reports = share.reports;
    tokens[i].note = share.note;
    if (share.drained()) tokens[i].reason = kDrainedText;
  }
  for (const LaneState& lane : lanes_) {
    TokenState& token = tokens[lane.token];
    ++token.sessions;
    token.signers += lane.state == Lane::kReady ? 1 : 0;
    token.outstanding += lane.in_flight;
    const bool refused = token.standing == TokenStanding::kAway && lane.refused;
    if (refused) token.standing = TokenStanding::kRefused;
    if (!token.up() && (refused || token.reason.empty())) token.reason = lane.why;
  }
  return tokens;
}

}  // namespace hsm
