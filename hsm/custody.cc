#include "hsm/custody.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hsm/crew.h"
#include "hsm/custody_of_cas.h"
#include "hsm/drain_watch.h"
#include "hsm/key_set.h"
#include "hsm/protocol.h"
#include "hsm/signers.h"
#include "hsm/token_choice.h"

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
                   SignersWanted wanted, Gates& gates, schema::Journal& journal)
      : config_(config),
        source_{program, config.file, config.text, config.hsm.socket},
        wanted_(std::move(wanted)),
        gates_(gates),
        journal_(journal),
        issuing_(wanted_.issuing ? config.ca.keys : std::vector<schema::KeyToken>()),
        log_(wanted_.log ? config.log.certificates.keys : std::vector<schema::KeyToken>()),
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
      crew.Man({source_, role, wanted_.ca, {}, {}, config_.ca.sign_deadline}, gates, tally_,
               journal_);
    };
    man(issuing_, Role::kIssuing, issuing);
    man(log_, Role::kLog, log);
    return schema::Ok();
  }

  // A refused PIN is the error to tell when there is one.
  schema::Outcome AwaitStart() {
    const auto await = [this](bool wanted, Crew& crew) -> Result<KeyFacts> {
      if (!wanted) return KeyFacts();
      return crew.AwaitStart(key_reports_, journal_);
    };
    const Result<KeyFacts> issuing = await(wanted_.issuing, issuing_);
    const Result<KeyFacts> log = await(wanted_.log, log_);
    if (!issuing && (log || !log.error().Is(kPinRefused))) return issuing.error();
    if (!log) return log.error();
    facts_ = *log;
    facts_.report.clear();
    facts_.precertificate_report.clear();
    facts_.timestamp_report.clear();
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
    state.issuing_ready = !wanted_.issuing || issuing_.queue().Ready();
    state.log_ready = !wanted_.log || log_.queue().Ready();
    if (!state.issuing_ready) {
      state.reason = "issuing signer: " + issuing_.queue().Reason();
    } else if (!state.log_ready) {
      state.reason = "log signer: " + log_.queue().Reason();
    }
    return state;
  }

  bool Ready() const override {
    return (!wanted_.issuing || issuing_.queue().Ready()) && (!wanted_.log || log_.queue().Ready());
  }

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
      TRY(LoginGate* const gate, gates_.Of(PinUri(config_, role, token), config_, source_));
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
      case Purpose::kTimestamp:
      case Purpose::kKeepAlive:  // a lane's own; asked by a caller, a signer refuses it
        return log_;
    }
    MUST(false);
  }

  const schema::Config config_;
  const SignerSource source_;
  const SignersWanted wanted_;
  Gates& gates_;
  schema::Journal& journal_;
  KeyFacts facts_;
  std::vector<std::string> key_reports_;
  Tally tally_;  // before the crews, whose lanes hold it
  Crew issuing_, log_;
  DrainWatch drains_;  // of the crews
};

}  // namespace

std::vector<std::string> KeyFacts::Reports() const {
  std::vector<std::string> told;
  for (const std::string& text : {report, precertificate_report, timestamp_report}) {
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

Result<std::unique_ptr<Custody>> StartSigners(const schema::Config& config,
                                              const std::filesystem::path& program,
                                              const SignersWanted& wanted, Gates& gates,
                                              schema::Journal& journal) {
  auto custody = std::make_unique<CustodyOfSigners>(config, program, wanted, gates, journal);
  TRY(custody->Man());
  TRY(custody->AwaitStart());
  return std::unique_ptr<Custody>(std::move(custody));
}

Result<std::unique_ptr<Custody>> Custody::Start(const schema::Config& config,
                                                const std::filesystem::path& program,
                                                schema::Journal& journal) {
  if (config.hsm.socket.empty()) MakeStateDirectory(config.hsm.state);
  return CustodyOfCas::Start(config, program, journal);
}

}  // namespace hsm
