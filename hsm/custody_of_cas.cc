#include "hsm/custody_of_cas.h"

#include <algorithm>
#include <array>
#include <map>

#include "hsm/key_set.h"
#include "hsm/rotation.h"
#include "schema/base/der.h"
#include "schema/base/limits.h"

namespace hsm {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::Steady;
namespace der = schema::der;

namespace {

bool IsIssuing(Purpose purpose) {
  switch (purpose) {
    case Purpose::kProbe:
    case Purpose::kCertificate:
    case Purpose::kPrecertificate:
      return true;
    case Purpose::kSct:
    case Purpose::kTreeHead:
    case Purpose::kCertificatesNote:
    case Purpose::kEventsNote:
    case Purpose::kTimestamp:
    case Purpose::kKeepAlive:
      return false;
  }
  MUST(false);
}

// RFC 5280 4.1: version, serial number and algorithm stand before the issuer.
Result<BytesView> IssuerOf(BytesView tbs) {
  der::Reader whole(tbs);
  TRY(der::Reader fields, whole.Enter(der::kSequence));
  for (int before = 0; before < 3; ++before) TRY(fields.Any());
  TRY(const der::Element issuer, fields.Expect(der::kSequence));
  return issuer.whole;
}

Error NoSigner() {
  return {&kSignerUnavailable, "no signer of the issuing CA that the certificate names is up"};
}

void AddSigners(const CustodyState& from, CustodyState& to) {
  to.signers.insert(to.signers.end(), from.signers.begin(), from.signers.end());
  to.tokens.insert(to.tokens.end(), from.tokens.begin(), from.tokens.end());
}

// Counts alone: what each one is of is in `to`.
void Add(const CustodyState& from, CustodyState& to) {
  to.operations += from.operations;
  to.replacements += from.replacements;
  to.reopenings += from.reopenings;
  for (std::size_t i = 0; i < to.signatures.size(); ++i) {
    to.signatures[i].asked += from.signatures[i].asked;
    to.signatures[i].again += from.signatures[i].again;
    to.signatures[i].made += from.signatures[i].made;
    to.signatures[i].lost += from.signatures[i].lost;
    to.signatures[i].excess += from.signatures[i].excess;
  }
}

}  // namespace

Outcome Custody::Follow(const schema::Rotation&, const std::vector<std::string>&) {
  return Error{&kKeyUnusable, "ca.rotation: not set, so there is one issuing CA"};
}

Result<std::unique_ptr<Custody>> CustodyOfCas::Start(const schema::Config& config,
                                                     const std::filesystem::path& program,
                                                     schema::Journal& journal) {
  std::unique_ptr<CustodyOfCas> custody(new CustodyOfCas(config, program, journal));
  TRY(config.ca.rotation.empty() ? custody->StartOne() : custody->StartSeveral());
  return std::unique_ptr<Custody>(std::move(custody));
}

Outcome CustodyOfCas::StartOne() {
  auto crew = std::make_shared<CaCrew>();
  TRY(crew->custody, StartSigners(config_, program_, {}, gates_, journal_));
  facts_ = crew->custody->facts();
  key_reports_ = crew->custody->key_reports();
  lead_ = crew;
  crews_ = {std::move(crew)};
  return schema::Ok();
}

Outcome CustodyOfCas::StartSeveral() {
  TRY(const schema::Rotation rotation, ReadRotation(config_));
  std::vector<std::string> names;
  for (const schema::RotationCa& ca : rotation.cas) {
    if (ca.state != schema::CaState::kRetired) names.push_back(ca.name);
  }
  TRY(const std::shared_ptr<CaCrew> first, Bring(rotation.Active()));
  TRY(log_,
      StartSigners(config_, program_, {.issuing = false, .log = true, .ca = ""}, gates_, journal_));
  facts_ = log_->facts();
  facts_.issuing = first->custody->facts().issuing;
  facts_.token = first->custody->facts().token;
  facts_.token_serial = first->custody->facts().token_serial;
  Take(*first->custody);
  Take(*log_);
  crews_ = {first};
  lead_ = first;
  return Follow(rotation, names);
}

void CustodyOfCas::Take(const Custody& custody) {
  const auto& reports = custody.key_reports();
  key_reports_.insert(key_reports_.end(), reports.begin(), reports.end());
}

Result<std::shared_ptr<CustodyOfCas::CaCrew>> CustodyOfCas::Bring(const schema::RotationCa& ca) {
  const schema::Config own = schema::ConfigOf(config_, ca);
  auto crew = std::make_shared<CaCrew>();
  crew->ca = ca.name;
  auto guard = ReadGuardSettings(own);
  if (!guard) return Error{guard.error().kind, "CA " + ca.name + ": " + guard.error().detail};
  crew->issuer = std::move(guard->issuer);
  auto custody =
      StartSigners(own, program_, {.issuing = true, .log = false, .ca = ca.name}, gates_, journal_);
  if (!custody) return Error{custody.error().kind, "CA " + ca.name + ": " + custody.error().detail};
  crew->custody = *std::move(custody);
  return crew;
}

Outcome CustodyOfCas::Follow(const schema::Rotation& rotation,
                             const std::vector<std::string>& cas) {
  if (config_.ca.rotation.empty()) return Custody::Follow(rotation, cas);
  const std::lock_guard following(following_);
  const std::string& active = rotation.Active().name;
  const Crews before = Manned();
  Crews after;
  std::shared_ptr<CaCrew> lead;
  for (const std::string& name : cas) {
    const schema::RotationCa* ca = rotation.Find(name);
    const auto manned = std::ranges::find(before, name, [](const auto& crew) { return crew->ca; });
    if (manned != before.end()) {
      after.push_back(*manned);
    } else if (ca != nullptr) {
      auto brought = Bring(*ca);
      if (!brought && name == active) return std::move(brought).error();
      if (!brought) {
        journal_.Warning("signers-missing", {{"ca", name}, {"reason", brought.error().Describe()}});
        continue;
      }
      after.push_back(*std::move(brought));
    }
    if (!after.empty() && after.back()->ca == active) lead = after.back();
  }
  if (lead == nullptr) return Error{&kKeyUnusable, "CA " + active + ": it is active and not named"};
  Crews leaving;
  for (const auto& crew : before) {
    if (std::ranges::find(after, crew) == after.end()) leaving.push_back(crew);
  }
  {
    const std::lock_guard lock(mutex_);
    crews_ = std::move(after);
    lead_ = std::move(lead);
    leaving_ = leaving;
  }
  for (const auto& crew : leaving) Part(crew);
  return schema::Ok();
}

void CustodyOfCas::Part(const std::shared_ptr<CaCrew>& crew) {
  crew->unanswered->AwaitNone(Steady::now() + schema::limits::kHsmWait);
  const std::lock_guard lock(mutex_);
  Add(crew->custody->State(), gone_);
  std::erase(leaving_, crew);
}

CustodyOfCas::Crews CustodyOfCas::Manned() const {
  const std::lock_guard lock(mutex_);
  return crews_;
}

std::shared_ptr<CustodyOfCas::CaCrew> CustodyOfCas::Lead() const {
  const std::lock_guard lock(mutex_);
  return lead_;
}

std::shared_ptr<CustodyOfCas::CaCrew> CustodyOfCas::CrewOf(const Crews& crews, BytesView bytes) {
  const auto issuer = IssuerOf(bytes);
  if (!issuer) return nullptr;
  const auto found = std::ranges::find_if(
      crews, [&](const auto& crew) { return schema::Equal(crew->issuer.view(), *issuer); });
  return found == crews.end() ? nullptr : *found;
}

Result<Signed> CustodyOfCas::Sign(Purpose purpose, BytesView bytes, Steady::time_point deadline) {
  return std::move(SignAll(purpose, {bytes}, deadline).front());
}

std::vector<Result<Signed>> CustodyOfCas::SignAll(Purpose purpose,
                                                  const std::vector<BytesView>& inputs,
                                                  Steady::time_point deadline) {
  if (!IsIssuing(purpose) && log_ != nullptr) return log_->SignAll(purpose, inputs, deadline);
  if (purpose == Purpose::kProbe) return Lead()->custody->SignAll(purpose, inputs, deadline);
  // Held until the end: signers that are sent away meanwhile answer first.
  const Crews crews = Manned();
  if (crews.size() == 1) return crews.front()->custody->SignAll(purpose, inputs, deadline);
  std::map<std::shared_ptr<CaCrew>, std::vector<std::size_t>> shares;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    shares[CrewOf(crews, inputs[i])].push_back(i);
  }
  std::vector<Result<Signed>> results(inputs.size(), NoSigner());
  for (const auto& [crew, places] : shares) {
    if (crew == nullptr) continue;
    std::vector<BytesView> share;
    for (const std::size_t place : places) share.push_back(inputs[place]);
    auto answers = crew->custody->SignAll(purpose, share, deadline);
    for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(answers[i]);
  }
  return results;
}

// Counted under the lock: signers that are sent away get nothing more and have answered all before
// they end, which is never on a thread of theirs.
void CustodyOfCas::Submit(Purpose purpose, BytesView bytes, Steady::time_point deadline,
                          std::shared_ptr<SignatureTaker> taker) {
  if (!IsIssuing(purpose) && log_ != nullptr) {
    return log_->Submit(purpose, bytes, deadline, std::move(taker));
  }
  std::shared_ptr<CaCrew> crew;
  {
    const std::lock_guard lock(mutex_);
    const bool lead = crews_.size() == 1 || purpose == Purpose::kProbe;
    crew = lead ? lead_ : CrewOf(crews_, bytes);
    if (crew != nullptr) taker = Unanswered::Count(crew->unanswered, std::move(taker));
  }
  if (crew == nullptr) return taker->Set(0, NoSigner());
  crew->custody->Submit(purpose, bytes, deadline, std::move(taker));
}

CustodyState CustodyOfCas::State() const {
  std::unique_lock lock(mutex_);
  const Crews crews = crews_;
  const Crews leaving = leaving_;
  const std::shared_ptr<CaCrew> lead = lead_;
  const CustodyState gone = gone_;
  lock.unlock();
  CustodyState state = lead->custody->State();
  for (const auto& crew : crews) {
    if (crew == lead) continue;
    CustodyState more = crew->custody->State();
    for (CustodyState::Token& token : more.tokens) token.aside = true;
    AddSigners(more, state);
    Add(more, state);
  }
  if (log_ != nullptr) {
    const CustodyState log = log_->State();
    AddSigners(log, state);
    Add(log, state);
    state.log_ready = log.log_ready;
    if (state.reason.empty()) state.reason = log.reason;
  }
  for (const auto& crew : leaving) Add(crew->custody->State(), state);
  Add(gone, state);
  return state;
}

bool CustodyOfCas::Ready() const {
  return Lead()->custody->Ready() && (log_ == nullptr || log_->Ready());
}

Steady::duration CustodyOfCas::TimeFor(std::size_t certificates) const {
  const auto log = log_ == nullptr ? Steady::duration() : log_->TimeFor(certificates);
  return log + Lead()->custody->TimeFor(certificates);
}

}  // namespace hsm
