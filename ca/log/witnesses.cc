#include "ca/log/witnesses.h"

#include <algorithm>

#include "ca/log/rows.h"

namespace ca {

using schema::Error;
using schema::Result;
using schema::Steady;

namespace {

// For the witnesses beyond the quorum.
constexpr std::chrono::milliseconds kGrace{200};

std::size_t Index(LogName log) { return log == LogName::kCertificates ? 0 : 1; }

const char* EventOf(const schema::ErrorKind* fault) {
  if (fault == nullptr) return "witness-recovered";
  if (fault == &kWitnessRefuses) return "witness-refuses";
  if (fault == &kWitnessContradicts || fault == &kRolledBack) return "witness-contradicts";
  return "witness-lost";
}

}  // namespace

// Shared, so that a late answer has where to go.
struct Witnesses::Round {
  std::vector<Candidate> candidates;
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  Cosigned found;
  std::size_t answered = 0;  // witnesses that are through with all candidates

  bool Reached(std::size_t quorum) const {
    return std::ranges::all_of(found.candidates,
                               [&](const Cosigned::Lines& one) { return one.count >= quorum; });
  }
  void Contradict(const Error& error) {
    if (!found.contradiction || error.Is(kRolledBack)) found.contradiction = error;
  }
};

// Of its thread, after the start.
struct Witnesses::Member {
  Cosigner cosigner;
  std::unique_ptr<sqlite::Connection> connection;
  sqlite::Statement hashes;
  std::unique_ptr<Newest<RoundPtr>> worker;
};

Result<std::unique_ptr<Witnesses>> Witnesses::Start(WitnessesParts parts) {
  std::unique_ptr<Witnesses> out(new Witnesses(std::move(parts)));
  const WitnessesParts& own = out->parts_;
  for (const schema::WitnessSettings& one : own.witnesses) {
    TRY(auto connection, sqlite::Connection::Open(
                             own.database, {.write = false, .vfs = "", .busy_milliseconds = 1000}));
    TRY(auto hashes, connection->Prepare(kHashesSql));
    out->states_.push_back({one.key.name, {}});
    out->faults_.push_back({});
    out->members_.push_back(std::make_unique<Member>(
        Member{Cosigner(one, own.sender), std::move(connection), std::move(hashes), nullptr}));
  }
  for (std::size_t i = 0; i < out->members_.size(); ++i) {
    out->members_[i]->worker = std::make_unique<Newest<RoundPtr>>(
        [raw = out.get(), i](const RoundPtr& round) {
          raw->Ask(i, round);
          return true;  // the next round asks again
        },
        std::chrono::milliseconds(0), false);
  }
  return out;
}

Witnesses::Witnesses(WitnessesParts parts) : parts_(std::move(parts)) {}
Witnesses::~Witnesses() = default;

Cosigned Witnesses::Collect(std::vector<Candidate> candidates) {
  const auto end = Steady::now() + kTimeout;
  const auto round = std::make_shared<Round>();
  round->candidates = std::move(candidates);
  round->found.candidates.resize(round->candidates.size());
  {
    const std::lock_guard lock(mutex_);
    for (const Candidate& candidate : round->candidates) {
      for (WitnessState& state : states_) state.logs[Index(candidate.log)].asked = candidate.size;
    }
  }
  for (const auto& member : members_) member->worker->Give(round);
  std::unique_lock lock(round->mutex);
  const auto all = [&] { return round->answered == members_.size(); };
  round->changed.wait_until(lock, end, [&] { return all() || round->Reached(parts_.quorum); });
  round->changed.wait_until(lock, std::min(end, Steady::now() + kGrace), all);
  return round->found;
}

std::vector<WitnessState> Witnesses::Look() const {
  const std::lock_guard lock(mutex_);
  return states_;
}

void Witnesses::Ask(std::size_t number, const RoundPtr& round) {
  Member& member = *members_[number];
  for (std::size_t i = 0; i < round->candidates.size(); ++i) {
    const Candidate& candidate = round->candidates[i];
    const auto line = member.cosigner.Cosign(
        candidate, ReadHashesThrough(member.hashes, parts_.shards.Of(candidate.log)));
    Settle(number, candidate, line);
    {
      const std::lock_guard lock(round->mutex);
      Cosigned::Lines& lines = round->found.candidates[i];
      if (line) {
        lines.text += *line;
        lines.count += 1;
      } else if (line.error().Is(kWitnessContradicts) || line.error().Is(kRolledBack)) {
        round->Contradict(line.error());
      }
      if (i + 1 == round->candidates.size()) round->answered += 1;
    }
    round->changed.notify_one();
  }
}

void Witnesses::Settle(std::size_t number, const Candidate& candidate,
                       const Result<std::string>& line) {
  const std::size_t log = Index(candidate.log);
  const schema::ErrorKind* fault = line ? nullptr : line.error().kind;
  const char* event = EventOf(fault);
  bool changed;
  {
    const std::lock_guard lock(mutex_);
    WitnessState::Log& state = states_[number].logs[log];
    state.cosigned = members_[number]->cosigner.cosigned(candidate.log);
    state.trouble = line ? "" : line.error().Describe();
    changed = EventOf(faults_[number][log]) != std::string_view(event);
    faults_[number][log] = fault;
  }
  if (!changed) return;
  const std::string& witness = parts_.witnesses[number].key.name;
  const std::string name(NameOf(candidate.log));
  if (fault == nullptr) {
    parts_.journal.Info(event, {{"witness", witness}, {"log", name}});
    return parts_.note({{"type", event}, {"witness", witness}, {"log", name}});
  }
  const std::string reason = line.error().Describe();
  const auto level = std::string_view(event) == "witness-contradicts"
                         ? schema::Journal::Level::kError
                         : schema::Journal::Level::kWarning;
  parts_.journal.Write(level, event, {{"witness", witness}, {"log", name}, {"reason", reason}});
  parts_.note({{"type", event}, {"witness", witness}, {"log", name}, {"reason", reason}});
}

}  // namespace ca
