#include "http/custody_watch.h"

#include <algorithm>
#include <iterator>

namespace http {

namespace {

constexpr std::size_t kOwedMax = 64;  // while the log itself is down; then the oldest are dropped

// The members that both events have.
schema::Json CountEvent(const char* type, const hsm::SignatureCount& count,
                        const ca::LogState& log) {
  schema::Json event = {{"type", type},         {"purpose", hsm::PurposeName(count.purpose)},
                        {"made", count.made},   {"asked", count.asked},
                        {"again", count.again}, {"lost", count.lost}};
  if (count.purpose == hsm::Purpose::kCertificate) {
    event["entered"] = log.entered;
    event["retried"] = log.retried;
  }
  return event;
}

}  // namespace

schema::Result<std::vector<schema::Json>> KeyEvents(const std::string& report) {
  constexpr std::size_t kReportBytes = 8 * 1024;
  TRY(schema::Json event, schema::ParseJson(report, {kReportBytes}));
  if (!event.is_object()) {
    return schema::Error{&hsm::kKeyUnusable, "a signer's report is no object"};
  }
  const schema::Json waived = event.value("waived", schema::Json::array());
  const schema::Json key = event.value("key", schema::Json());
  event["type"] = "key-attributes-read";
  std::vector<schema::Json> events = {std::move(event)};
  if (!waived.empty()) {
    events.push_back({{"type", "key-attributes-waived"}, {"key", key}, {"waived", waived}});
  }
  return events;
}

CustodyWatch::CustodyWatch(const hsm::Custody& custody,
                           std::function<schema::Outcome(schema::Json)> note,
                           std::function<ca::LogState()> log, schema::Journal& journal, Pace pace)
    : custody_(custody),
      note_(std::move(note)),
      log_(std::move(log)),
      journal_(journal),
      roles_{Role{"issuing"}, Role{"log"}},
      thread_([this, pace] { Run(pace); }) {}

CustodyWatch::~CustodyWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CustodyWatch::Run(Pace pace) {
  auto counted = schema::Steady::now();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, pace.look, [this] { return stop_; })) {
    lock.unlock();
    const hsm::CustodyState state = custody_.State();
    Look(roles_[0], state.issuing_ready, state.reason);
    Look(roles_[1], state.log_ready, state.reason);
    LookAtNotes(state);
    for (const auto& token : state.tokens) Look(token);
    FindExcesses(state);
    Settle();
    const auto now = schema::Steady::now();
    if (now - counted >= pace.count && owed_.empty() && EnterCounts(false)) counted = now;
    lock.lock();
  }
  // What an operator did since the last look is not lost; that signers go is the stop's own doing.
  const hsm::CustodyState state = custody_.State();
  LookAtNotes(state);
  FindExcesses(state);
  Settle();
  if (!EnterCounts(true)) journal_.Warning("signatures-not-counted", {{"at", "stop"}});
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

void CustodyWatch::Look(const hsm::CustodyState::Token& token) {
  using hsm::TokenStanding;
  Token& known = tokens_[{token.role, token.name}];
  const hsm::TokenState& now = token.state;
  if (known.comebacks != now.comebacks) {
    known.comebacks = now.comebacks;
    for (const std::string& report : now.reports) {
      auto events = KeyEvents(report);
      if (events) std::ranges::move(*events, std::back_inserter(owed_));
    }
  }
  // The only token of the active CA or the log is the role.
  const bool role = token.name == schema::kOnlyToken && !token.aside;
  if (now.standing == known.told || role) return;
  if (now.standing == TokenStanding::kAway && known.told == TokenStanding::kRefused) return;
  const bool was_up = known.told == TokenStanding::kServing;
  const auto down_since = std::exchange(known.down_since, schema::Steady::now());
  if (now.up() && known.told != TokenStanding::kDrained) {
    const auto down = schema::Steady::now() - down_since;
    owed_.push_back(
        {{"type", "token-recovered"},
         {"role", token.role},
         {"token", token.name},
         {"down_ms", std::chrono::duration_cast<std::chrono::milliseconds>(down).count()}});
  } else if (now.standing == TokenStanding::kAway || now.standing == TokenStanding::kRefused) {
    if (!was_up && known.told != TokenStanding::kDrained) known.down_since = down_since;
    owed_.push_back({{"type", "token-lost"},
                     {"role", token.role},
                     {"token", token.name},
                     {"state", hsm::StandingName(now.standing)},
                     {"reason", now.reason}});
  }
  known.told = now.standing;
}

// A name may stand under several keys: what is said of it is said once.
void CustodyWatch::LookAtNotes(const hsm::CustodyState& state) {
  for (const auto& token : state.tokens) {
    if (!token.state.note) continue;
    const hsm::DrainNote& note = *token.state.note;
    const bool news =
        note.drained ? drained_.insert(token.name).second : drained_.erase(token.name) > 0;
    if (!news) continue;
    schema::Json event = {{"type", note.drained ? "token-drained" : "token-undrained"},
                          {"token", token.name},
                          {"uid", note.who}};
    if (note.drained) event["since"] = schema::Rfc3339(note.when);
    owed_.push_back(std::move(event));
  }
}

// Custody before log, as in excess.h.
bool CustodyWatch::EnterCounts(bool final) {
  const hsm::CustodyState custody = custody_.State();
  const ca::LogState log = log_();
  for (const hsm::SignatureCount& count : custody.signatures) {
    if (count.asked == 0 && count.made == 0) continue;
    schema::Json event = CountEvent("signatures-counted", count, log);
    if (final) event["final"] = true;
    if (!note_(std::move(event))) return false;
  }
  return true;
}

void CustodyWatch::FindExcesses(const hsm::CustodyState& state) {
  const ca::LogState log = log_();
  for (const Excess& excess : FindExcess(state, log)) {
    const hsm::SignatureCount& count = excess.count;
    std::uint64_t& told = told_[count.purpose];
    if (count.excess < std::max<std::uint64_t>(1, told * 2)) continue;
    told = count.excess;
    schema::Json event = CountEvent("signature-excess", count, log);
    event["excess"] = count.excess;
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
