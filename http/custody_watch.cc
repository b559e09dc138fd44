#include "http/custody_watch.h"

#include <algorithm>
#include <iterator>

namespace http {

namespace {

constexpr std::size_t kOwedMax = 64;  // while the log itself is down; then the oldest are dropped

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
    LookAtNotes(state);
    for (const auto& token : state.tokens) Look(token);
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
  if (now.standing == known.told || token.name == schema::kOnlyToken) return;  // that is the role
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
