#include "hsm/custody.h"

#include <algorithm>
#include <array>
#include <map>

#include "hsm/crew.h"
#include "hsm/drain_watch.h"
#include "hsm/key_set.h"
#include "hsm/pin_prompt.h"
#include "hsm/protocol.h"
#include "hsm/token_choice.h"
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

class CustodyOfSigners final : public Custody {
 public:
  CustodyOfSigners(const schema::Config& config, const std::filesystem::path& program,
                   schema::Journal& journal)
      : config_(config),
        source_{program, config.file, config.hsm.socket},
        journal_(journal),
        issuing_(config.ca.keys),
        log_(config.log.certificates.keys),
        drains_(config.state, [this](const DrainNotes& notes) {
          for (Crew* crew : {&issuing_, &log_}) crew->Follow(notes);
        }) {}
  ~CustodyOfSigners() override {
    for (Crew* crew : {&issuing_, &log_}) crew->AskToStop();
  }

  // A person who has to enter PINs is asked for all of them before the first signer starts.
  schema::Outcome Man() {
    TRY(const auto issuing, GatesOf(issuing_, Role::kIssuing));
    TRY(const auto log, GatesOf(log_, Role::kLog));
    const auto man = [this](Crew& crew, Role role, const std::vector<LoginGate*>& gates) {
      crew.Man({source_, role, {}, {}, config_.ca.sign_deadline}, gates, tally_, journal_);
    };
    man(issuing_, Role::kIssuing, issuing);
    man(log_, Role::kLog, log);
    return schema::Ok();
  }

  // A refused PIN is the error to tell when there is one.
  schema::Outcome AwaitStart() {
    const Result<KeyFacts> issuing = issuing_.AwaitStart(key_reports_, journal_);
    const Result<KeyFacts> log = log_.AwaitStart(key_reports_, journal_);
    if (!issuing && (log || !log.error().Is(kPinRefused))) return issuing.error();
    if (!log) return log.error();
    facts_ = *log;
    facts_.report.clear();
    facts_.precertificate_report.clear();
    facts_.issuing = issuing->issuing;
    facts_.token = issuing->token;
    facts_.token_serial = issuing->token_serial;
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
    Submit(purpose, inputs, deadline, group);
    return group->Wait(deadline);
  }

  void Submit(Purpose purpose, BytesView bytes, Steady::time_point deadline,
              std::shared_ptr<SignatureTaker> taker) override {
    Submit(purpose, std::vector<BytesView>{bytes}, deadline, taker);
  }

  CustodyState State() const override {
    CustodyState state{};
    for (const Crew* crew : {&issuing_, &log_}) crew->Describe(state);
    state.signatures = tally_.Counts();
    state.issuing_ready = issuing_.queue().Ready();
    state.log_ready = log_.queue().Ready();
    if (!state.issuing_ready) {
      state.reason = "issuing signer: " + issuing_.queue().Reason();
    } else if (!state.log_ready) {
      state.reason = "log signer: " + log_.queue().Reason();
    }
    return state;
  }

  bool Ready() const override { return issuing_.queue().Ready() && log_.queue().Ready(); }

  // Its SCT first, then its own signature. What the log signer has waiting is of certificates that
  // are still to be asked for.
  Steady::duration TimeFor(std::size_t certificates) const override {
    const bool apart = config_.log.precertificate.has_value();
    const std::size_t begun = std::min(certificates, log_.queue().Waiting());
    return log_.queue().TimeFor(certificates - begun, apart ? 1 : 0) +
           issuing_.queue().TimeFor(certificates, apart ? 0 : 1);
  }

 private:
  Result<std::vector<LoginGate*>> GatesOf(const Crew& crew, Role role) {
    std::vector<LoginGate*> gates;
    for (const schema::KeyToken& token : crew.tokens()) {
      TRY(LoginGate* const gate, GateOf(PinUri(config_, role, token)));
      gates.push_back(gate);
    }
    return gates;
  }

  void Submit(Purpose purpose, const std::vector<BytesView>& inputs, Steady::time_point deadline,
              const std::shared_ptr<SignatureTaker>& taker) {
    std::vector<Job> jobs;
    jobs.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].size() > kInputBytesMax) {
        taker->Set(i, Error{&kSignerRefused, "too large"});
        continue;
      }
      jobs.push_back({purpose, schema::ToBytes(inputs[i]), deadline, taker, i});
    }
    CrewOf(purpose).queue().Submit(std::move(jobs));
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
  DrainWatch drains_;  // of the crews
};

}  // namespace

std::vector<std::string> KeyFacts::Reports() const {
  std::vector<std::string> told;
  for (const std::string& text : {report, precertificate_report}) {
    if (!text.empty()) told.push_back(text);
  }
  return told;
}

std::string_view StandingName(TokenStanding standing) {
  switch (standing) {
    case TokenStanding::kServing:
      return "serving";
    case TokenStanding::kAway:
      return "away";
    case TokenStanding::kDrained:
      return "drained";
    case TokenStanding::kRefused:
      return "refused";
  }
  MUST(false);
}

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
