#include "hsm/lane.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "hsm/digest.h"

namespace hsm {

using schema::Error;
using schema::Result;
using schema::Steady;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kStartDeadline{
    10'000};                            // module, login and key lookup; some tokens take seconds
constexpr milliseconds kComeBack{500};  // for so long callers wait for one that was lost
constexpr milliseconds kStopPatience{1'000};
constexpr milliseconds kBackoffFirst{10};
constexpr milliseconds kBackoffLast{5'000};
constexpr milliseconds kPinLook{500};        // how often a refused PIN's file is looked at
constexpr milliseconds kProbeEvery{10'000};  // idle; a YubiHSM2 session expires after 30 s
constexpr milliseconds kBatchTime{
    2};  // what a batch should take at most, so that none waits for others
constexpr std::size_t kBatchMax = 16;
constexpr int kUselessMax = 8;  // sessions in a row that were opened again and lost before any use

}  // namespace

Lane::Lane(const LaneSettings& settings, std::size_t number, int wake, Queue& queue,
           CommonKeys& keys, LoginGate& gate, Tally& tally, schema::Journal& journal)
    : settings_(settings),
      number_(number),
      wake_(wake),
      queue_(queue),
      keys_(keys),
      gate_(gate),
      tally_(tally),
      journal_(journal),
      thread_([this] { Run(); }) {}

Lane::~Lane() {
  AskToStop();
  thread_.join();
}

void Lane::AskToStop() {
  stop_ = true;
  MUST(::eventfd_write(wake_, 1) == 0);
}

CustodyState::Signer Lane::State() const {
  return {std::string(RoleName(settings_.role)), pid_, run_, signatures_, in_flight_};
}

// What stands on its command line: nothing where there is no choice.
std::string Lane::SignerToken() const {
  return settings_.token == schema::kOnlyToken ? std::string() : settings_.token;
}

std::string Lane::Name() const {
  const bool only = settings_.token == schema::kOnlyToken;
  return "the " + std::string(RoleName(settings_.role)) + " signer" +
         (only ? "" : " of " + settings_.token);
}

void Lane::Drain() const {
  eventfd_t ignored;
  while (::eventfd_read(wake_, &ignored) == 0) {
  }
}

bool Lane::Sleep(Steady::duration duration) {
  const auto until = Steady::now() + duration;
  for (auto left = duration; !stop_ && left.count() > 0; left = until - Steady::now()) {
    pollfd wait{wake_, POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(std::chrono::ceil<milliseconds>(left).count()));
    if (!stop_) Drain();
  }
  return !stop_;
}

void Lane::Run() {
  milliseconds backoff = kBackoffFirst;
  while (!stop_) {
    if (queue_.Drained(number_)) {
      StandAside();
      continue;
    }
    const Result<KeyFacts> facts = Bring();
    if (facts) {
      CameUp(*facts);
    } else {
      StayedDown(facts.error());
    }
    if (!first_said_) first_start_.set_value(facts);
    first_said_ = true;
    if (!facts) {
      if (!Sleep(facts.error().Is(kPinRefused) ? kPinLook : backoff)) break;
      backoff = std::min(backoff * 2, kBackoffLast);
      continue;
    }
    const std::uint64_t before = answers_;
    std::string why = Serve();
    for (int useless = 0; !queue_.Drained(number_) && !stop_ && lost_ && useless < kUselessMax;) {
      queue_.SetLane(number_, Queue::Lane::kStarting, why);
      journal_.Warning("session-lost", {{"role", std::string(RoleName(settings_.role))},
                                        {"name", settings_.token},
                                        {"run", std::to_string(run_)},
                                        {"reason", why}});
      const std::uint64_t had = answers_;
      if (!Reopen()) break;
      why = Serve();
      useless = answers_ > had ? 0 : useless + 1;
    }
    pid_ = 0;
    if (stop_) break;
    if (queue_.Drained(number_)) continue;
    // Callers wait for one that comes back at once, and not for one that ends again and again
    // before it was of any use, which is not started as fast as processes start either.
    const bool useful = answers_ > before;
    const bool soon = useful || backoff == kBackoffFirst;
    queue_.SetLane(number_, soon ? Queue::Lane::kStarting : Queue::Lane::kDown, why);
    process_.Kill();
    ++replacements_;
    journal_.Warning("signer-lost", {{"role", std::string(RoleName(settings_.role))},
                                     {"name", settings_.token},
                                     {"run", std::to_string(run_)},
                                     {"reason", why}});
    backoff = useful ? kBackoffFirst : std::min(backoff * 2, kBackoffLast);
    Sleep(backoff);
  }
  queue_.SetLane(number_, Queue::Lane::kDown, "the server is stopping");
  pid_ = 0;
  process_.Stop(kStopPatience);
}

// While its token is drained there is no signer: its session is closed in order, and the device may
// go. What the signer had was answered before.
void Lane::StandAside() {
  pid_ = 0;
  process_.Stop(kStopPatience);
  queue_.SetLane(number_, Queue::Lane::kDown, "drained by an operator");
  if (!first_said_) {
    first_start_.set_value(Error{
        &kTokenDrained, settings_.setting + ": drained; `chancery hsm undrain` brings it back"});
  }
  first_said_ = true;
  while (!stop_ && queue_.Drained(number_)) {
    pollfd wait{wake_, POLLIN, 0};
    ::poll(&wait, 1, -1);
    if (!stop_) Drain();
  }
  queue_.SetLane(number_, Queue::Lane::kStarting);
}

void Lane::CameUp(const KeyFacts& facts) {
  facts_ = facts;
  pid_ = said_pid_;
  last_trouble_.clear();
  refused_ = false;
  queue_.Expect(number_, proved_in_);
  if (queue_.SetLane(number_, Queue::Lane::kReady) && first_said_) {
    queue_.CameBack(number_, facts.Reports());
  }
  journal_.Info("signer-ready", {{"role", std::string(RoleName(settings_.role))},
                                 {"name", settings_.token},
                                 {"run", std::to_string(run_)},
                                 {"pid", std::to_string(pid_)},
                                 {"token", facts.token}});
}

// Callers wait no more. What was wrong the last time says more than that it takes long now.
void Lane::TakesLong(const std::string& why) {
  queue_.SetLane(number_, Queue::Lane::kDown, last_trouble_.empty() ? why : last_trouble_,
                 refused_);
}

void Lane::StayedDown(const Error& error) {
  process_.Kill();
  refused_ = error.Is(kPinRefused) || error.Is(kOtherKey);
  queue_.SetLane(number_, Queue::Lane::kDown, error.detail, refused_);
  if (error.detail == last_trouble_) return;
  last_trouble_ = error.detail;
  journal_.Error(error.Is(kPinRefused) ? "pin-refused" : "signer-down",
                 {{"role", std::string(RoleName(settings_.role))},
                  {"name", settings_.token},
                  {"reason", error.Describe()}});
}

Result<KeyFacts> Lane::Bring() {
  const LoginGate::Lock turn = TakeTurn();
  if (stop_) return Error{&kSignerUnavailable, "the server is stopping"};
  if (gate_.Blocked()) return Error{&kPinRefused, "the PIN was refused; waiting for another"};
  ++run_;
  lost_ = false;
  reader_ = FrameReader();
  counts_ = RunCounts();
  TRY(process_, settings_.source.Bring({RoleText({settings_.role, settings_.ca}), SignerToken()},
                                       gate_.entered()));
  return ReadHello();
}

LoginGate::Lock Lane::TakeTurn() {
  LoginGate::Lock turn = gate_.Turn(kComeBack);
  if (!turn.owns_lock()) {
    TakesLong(Name() + " waits for another's start");
    turn.lock();
  }
  return turn;
}

// The same process opens its keys again: a few milliseconds, against tens for a new process. The
// turn is taken as for a start, because it logs in.
bool Lane::Reopen() {
  const LoginGate::Lock turn = TakeTurn();
  if (stop_ || gate_.Blocked()) return false;
  schema::Bytes out;
  AppendFrame(out, 0, kReopen, {});
  if (WriteAll(process_.socket(), out, Steady::now() + settings_.sign_deadline) != Channel::kOk) {
    return false;
  }
  lost_ = false;
  const auto facts = ReadHello();
  if (!facts) {
    queue_.SetLane(number_, Queue::Lane::kStarting, facts.error().detail);
    return false;
  }
  ++reopenings_;
  queue_.SetLane(number_, Queue::Lane::kReady);
  return true;
}

Result<KeyFacts> Lane::ReadHello() {
  const auto deadline = Steady::now() + kStartDeadline;
  auto until = Steady::now() + kComeBack;
  for (;;) {
    TRY(const std::optional<Frame> frame, reader_.Next());
    if (frame) return CheckHello(*frame);
    switch (ReadSome(process_.socket(), wake_, reader_.buffer(), until)) {
      case Channel::kOk:
        break;
      case Channel::kWoken:
        if (stop_) return Error{&kSignerUnavailable, "the server is stopping"};
        Drain();
        break;
      case Channel::kClosed:
        return Error{&kKeyUnusable, Name() + " ended before it was ready"};
      case Channel::kTimeout:
        if (until < deadline) {
          // Callers do not wait for a device that may have gone.
          TakesLong(Name() + " takes long to start");
          until = deadline;
          break;
        }
        return Error{&kKeyUnusable,
                     "the signer was not ready after " + schema::FormatDuration(kStartDeadline)};
    }
  }
}

Result<KeyFacts> Lane::CheckHello(const Frame& frame) {
  switch (static_cast<AnswerCode>(frame.code)) {
    case AnswerCode::kHelloReady: {
      TRY(Hello hello, DecodeHello(frame.bytes));
      const bool issuing = settings_.role == Role::kIssuing;
      // The proof is checked on this side: what the signer says of its key is not taken on its
      // word.
      if (issuing && !VerifyP256(hello.facts.issuing, schema::AsBytes(kProbePrefix), hello.probe)) {
        return Error{&kKeyUnusable, settings_.setting + ": the probe signature does not verify"};
      }
      if (issuing) ++operations_;
      // A supervisor's process is known by its word alone.
      said_pid_ = process_.pid() > 0 ? process_.pid() : hello.pid;
      proved_in_ = hello.proved_in;
      if (!keys_.Agree(hello.facts)) {
        return Error{&kOtherKey, settings_.setting + ": " + Name() +
                                     " has other keys than those of the start; restart if they "
                                     "were exchanged"};
      }
      return std::move(hello.facts);
    }
    case AnswerCode::kHelloPinRefused: {
      TRY(const Refusal refusal, DecodeRefusal(frame.bytes));
      gate_.Refused(refusal.tried);
      return Error{&kPinRefused, refusal.why};
    }
    case AnswerCode::kHelloOtherKey:
      return Error{&kOtherKey, std::string(schema::AsText(frame.bytes))};
    case AnswerCode::kHelloKeyUnusable:
      return Error{&kKeyUnusable, std::string(schema::AsText(frame.bytes))};
    default:
      return Error{&kKeyUnusable, Name() + " began with code " + std::to_string(frame.code)};
  }
}

std::size_t Lane::BatchMax() const {
  if (each_.count() <= 0) return 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(kBatchTime / each_, 1, kBatchMax));
}

std::string Lane::Serve() {
  while (!stop_) {
    if (queue_.Drained(number_)) return "the token is drained";
    std::vector<Job> batch = queue_.Take(number_, BatchMax());
    if (batch.empty()) {
      if (std::string why = WaitForWork(batch); !why.empty()) return why;
      if (batch.empty()) continue;
    }
    in_flight_ = batch.size();
    const auto begin = Steady::now();
    const std::size_t count = batch.size();
    const std::string why = Exchange(batch);
    in_flight_ = 0;
    if (!why.empty()) {
      for (const Job& job : batch) tally_.Lost(job.purpose);
      queue_.Return(number_, std::move(batch), why, lost_);
      return why;
    }
    const auto each = (Steady::now() - begin) / static_cast<std::int64_t>(count);
    each_ = each_.count() == 0 ? each : (each_ * 7 + each) / 8;
    queue_.Done(number_, each_);
  }
  return "the server is stopping";
}

// Until the queue wakes this lane, the signer ends, or it is time for a probe, which becomes the
// batch.
std::string Lane::WaitForWork(std::vector<Job>& batch) {
  switch (ReadSome(process_.socket(), wake_, reader_.buffer(), Steady::now() + kProbeEvery)) {
    case Channel::kOk:
      return "the signer spoke unasked";
    case Channel::kClosed:
      return "the signer ended";
    case Channel::kWoken:
      Drain();
      return {};
    case Channel::kTimeout:
      break;
  }
  const bool issuing = settings_.role == Role::kIssuing;
  const schema::BytesView probe = issuing ? schema::AsBytes(kProbePrefix) : schema::BytesView();
  batch.push_back({issuing ? Purpose::kProbe : Purpose::kKeepAlive, schema::ToBytes(probe),
                   Steady::time_point::max(), nullptr});
  return {};
}

}  // namespace hsm
