#include "hsm/custody.h"

#include <sys/eventfd.h>

#include <array>
#include <map>

#include "hsm/key_set.h"
#include "hsm/lane.h"
#include "hsm/pin_prompt.h"
#include "hsm/protocol.h"
#include "hsm/uri.h"

namespace hsm {

using schema::BytesView;
using schema::Error;
using schema::Result;
using schema::Steady;

namespace {

// Where a refused PIN is remembered, before anyone tries one. What fails here is the log's to
// report, which needs the directory too and gives it the same mode.
void MakeStateDirectory(const std::filesystem::path& state) {
  std::error_code ignored;
  if (!std::filesystem::create_directories(state, ignored)) return;
  std::filesystem::permissions(state, std::filesystem::perms(0750), ignored);
}

Descriptor NewEvent() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  MUST(event.get() >= 0);
  return event;
}

// The signers of one role.
struct Crew {
  explicit Crew(std::size_t size) : events(MakeEvents(size)), queue(Numbers(events)) {}

  static std::vector<Descriptor> MakeEvents(std::size_t size) {
    std::vector<Descriptor> events;
    for (std::size_t i = 0; i < size; ++i) events.push_back(NewEvent());
    return events;
  }
  static std::vector<int> Numbers(const std::vector<Descriptor>& events) {
    std::vector<int> numbers;
    for (const Descriptor& event : events) numbers.push_back(event.get());
    return numbers;
  }

  const std::vector<Descriptor> events;
  Queue queue;
  std::vector<std::unique_ptr<Lane>> lanes;
};

class CustodyOfSigners final : public Custody {
 public:
  CustodyOfSigners(const schema::Config& config, const std::filesystem::path& program,
                   schema::Journal& journal)
      : config_(config),
        source_{program, config.file, config.hsm.socket},
        journal_(journal),
        issuing_(static_cast<std::size_t>(config.ca.sessions)),
        log_(1) {}
  ~CustodyOfSigners() override {
    for (Crew* crew : {&issuing_, &log_}) {
      for (const auto& lane : crew->lanes) lane->AskToStop();
    }
  }

  // A person who has to enter PINs is asked for all of them before the first signer starts.
  schema::Outcome Man() {
    TRY(LoginGate* const issuing, GateOf(config_.ca.key));
    TRY(LoginGate* const log, GateOf(LogTokenKey(config_)));
    Man(issuing_, Role::kIssuing, *issuing);
    Man(log_, Role::kLog, *log);
    return schema::Ok();
  }

  // Every signer is ready, or the first error; a refused PIN is the error to tell when there is
  // one.
  schema::Outcome AwaitStart() {
    std::optional<Error> trouble;
    for (Crew* crew : {&issuing_, &log_}) {
      for (const auto& lane : crew->lanes) {
        Result<KeyFacts> facts = lane->FirstStart();
        if (facts && lane == crew->lanes.front()) {
          for (const std::string& report : {facts->report, facts->precertificate_report}) {
            if (!report.empty()) key_reports_.push_back(report);
          }
        }
        if (!facts) {
          if (!trouble || facts.error().Is(kPinRefused)) trouble = facts.error();
        } else if (crew == &issuing_) {
          facts_.issuing = facts->issuing;
          facts_.token = facts->token;
          facts_.token_serial = facts->token_serial;
        } else {
          facts_.log = facts->log;
          facts_.precertificate = facts->precertificate;
          facts_.certificates_note = facts->certificates_note;
          facts_.events_note = facts->events_note;
        }
      }
    }
    if (trouble) return *std::move(trouble);
    return schema::Ok();
  }

  const KeyFacts& facts() const override { return facts_; }
  const std::vector<std::string>& key_reports() const override { return key_reports_; }

  Result<Signed> Sign(Purpose purpose, BytesView bytes, Steady::time_point deadline) override {
    return std::move(SignAll(purpose, {bytes}, deadline).front());
  }

  std::vector<Result<Signed>> SignAll(Purpose purpose, const std::vector<BytesView>& inputs,
                                      Steady::time_point deadline) override {
    const auto group = std::make_shared<Group>(inputs.size());
    std::vector<Job> jobs;
    jobs.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].size() > kInputBytesMax) {
        group->Set(i, Error{&kSignerRefused, "too large"});
        continue;
      }
      jobs.push_back({purpose, schema::ToBytes(inputs[i]), deadline, group, i});
    }
    CrewOf(purpose).queue.Submit(std::move(jobs));
    return group->Wait(deadline);
  }

  CustodyState State() const override {
    CustodyState state{};
    for (const Crew* crew : {&issuing_, &log_}) {
      for (const auto& lane : crew->lanes) {
        state.signers.push_back(lane->State());
        state.operations += lane->operations();
        state.replacements += lane->replacements();
        state.reopenings += lane->reopenings();
      }
    }
    state.signatures = tally_.Counts();
    state.issuing_ready = issuing_.queue.Ready();
    state.log_ready = log_.queue.Ready();
    if (!state.issuing_ready) {
      state.reason = "issuing signer: " + issuing_.queue.Reason();
    } else if (!state.log_ready) {
      state.reason = "log signer: " + log_.queue.Reason();
    }
    return state;
  }

  bool Ready() const override { return issuing_.queue.Ready() && log_.queue.Ready(); }

 private:
  void Man(Crew& crew, Role role, LoginGate& gate) {
    const LaneSettings settings{source_, role, config_.ca.sign_deadline};
    for (std::size_t i = 0; i < crew.events.size(); ++i) {
      crew.lanes.push_back(std::make_unique<Lane>(settings, i, crew.events[i].get(), crew.queue,
                                                  gate, tally_, journal_));
    }
  }

  // Keys of one token share a gate. A URI that does not parse is the signer's to report.
  Result<LoginGate*> GateOf(const std::string& key) {
    const auto uri = ParseKeyUri(key, config_.directory);
    const GateName name =
        uri ? GateName{uri->module.string(), uri->token, uri->serial, uri->pin.Key()}
            : GateName{key};
    auto& gate = gates_[name];
    if (gate == nullptr) {
      // What a supervisor's signers read is not even looked at here.
      const PinSource source = uri && !source_.supervised() ? uri->pin : PinSource();
      Descriptor entered;
      if (source.kind == PinKind::kPrompt) {
        TRY(entered, HaveAskedForPin(source_.program, source.asks_for));
      }
      gate = std::make_unique<LoginGate>(source, config_.hsm.state, std::move(entered));
    }
    return gate.get();
  }

  Crew& CrewOf(Purpose purpose) {
    switch (purpose) {
      case Purpose::kProbe:
      case Purpose::kCertificate:
        return issuing_;
      case Purpose::kPrecertificate:
        return config_.log.precertificate ? log_ : issuing_;
      case Purpose::kSct:
      case Purpose::kTreeHead:
      case Purpose::kCertificatesNote:
      case Purpose::kEventsNote:
      case Purpose::kKeepAlive:  // a lane's own; asked by a caller, a signer refuses it
        return log_;
    }
    MUST(false);
  }

  using GateName = std::array<std::string, 4>;

  const schema::Config config_;
  const SignerSource source_;
  schema::Journal& journal_;
  KeyFacts facts_;
  std::vector<std::string> key_reports_;
  // Before the crews, whose lanes hold them.
  Tally tally_;
  std::map<GateName, std::unique_ptr<LoginGate>> gates_;
  Crew issuing_, log_;
};

}  // namespace

Result<std::unique_ptr<Custody>> Custody::Start(const schema::Config& config,
                                                const std::filesystem::path& program,
                                                schema::Journal& journal) {
  if (config.hsm.socket.empty()) MakeStateDirectory(config.hsm.state);
  auto custody = std::make_unique<CustodyOfSigners>(config, program, journal);
  TRY(custody->Man());
  TRY(custody->AwaitStart());
  return std::unique_ptr<Custody>(std::move(custody));
}

}  // namespace hsm
