#include "ca/authority.h"

#include <algorithm>

#include "ca/budgets.h"
#include "ca/ca_changes.h"
#include "ca/events.h"
#include "ca/linted.h"
#include "ca/trace.h"
#include "ca/traits.h"

namespace ca {

using schema::CertDer;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

// A policy that changes twice while one request is decided is a policy being edited: come back.
constexpr int kDecideAgain = 2;

bool Moved(const Result<Issued>& issued) {
  return !issued && (issued.error().Is(kPolicyMoved) || issued.error().Is(kCaMoved));
}

}  // namespace

Authority::Authority(AuthoritySettings settings, CasInForce& cas, Policy policy,
                     hsm::Custody& custody, Log& log, const schema::Clock& clock)
    : settings_(std::move(settings)),
      cas_(cas),
      policy_(std::make_shared<const Policy>(std::move(policy))),
      custody_(custody),
      admission_(custody),
      log_(log),
      clock_(clock) {}

Result<Issued> Authority::Issue(const schema::Identity& identity, const KeyRequest& request,
                                const RequestContext& context, DecisionNotes* notes) {
  if (settings_.clock != nullptr) {
    if (auto trouble = settings_.clock->Trouble()) {
      return Error{&kTimeNotAvailable, *std::move(trouble)};
    }
  }
  auto key = CheckRequest(request, identity.proof_message);
  if (!key) return Refuse(std::move(key).error(), identity, nullptr, context);
  auto issued = IssueUnder(*policy(), identity, *key, context, notes);
  for (int again = 0; again < kDecideAgain && Moved(issued); ++again) {
    issued = IssueUnder(*SettledPolicy(), identity, *key, context, notes);
  }
  return issued;
}

Outcome Authority::Adopt(Policy policy) {
  auto next = std::make_shared<const Policy>(std::move(policy));
  const std::lock_guard changing(change_mutex_);
  TRY(log_.Adopt({.policy = next->digest()},
                 {{"type", "policy-loaded"}, {"policy_digest", next->digest()}}));
  const std::lock_guard lock(policy_mutex_);
  policy_ = std::move(next);
  return schema::Ok();
}

Outcome Authority::Adopt(IssuingCas cas) {
  auto next = std::make_shared<const IssuingCas>(std::move(cas));
  const std::lock_guard changing(change_mutex_);
  TRY(const std::vector<IssuingCaRow> told, log_.reader().IssuingCas());
  TRY(std::vector<CaChange> changes, ChangesTo(*next, told));
  for (CaChange& change : changes) {
    TRY(log_.Adopt(std::move(change.basis), std::move(change.event), std::move(change.rows)));
  }
  cas_.Become(std::move(next));
  return schema::Ok();
}

std::shared_ptr<const Policy> Authority::policy() const {
  const std::lock_guard lock(policy_mutex_);
  return policy_;
}

std::shared_ptr<const Policy> Authority::SettledPolicy() {
  const std::lock_guard settled(change_mutex_);
  return policy();
}

Result<Issued> Authority::IssueUnder(const Policy& policy, const schema::Identity& identity,
                                     const SubjectKey& key, const RequestContext& context,
                                     DecisionNotes* notes) {
  const Decision decision =
      policy.Decide(identity, key.algorithm(), schema::ToSeconds(clock_.Now()));
  if (notes != nullptr) {
    *notes = {decision.OnTrial(Effect::kDeny), decision.OnTrial(Effect::kAllow), nullptr};
    if (context.trace && !decision.allowed()) {
      notes->trace = TraceOf(policy, decision, identity.claims);
    }
  }
  if (!decision.allowed()) {
    return Refuse(Error{decision.refusal(), decision.rule()}, identity, &decision, context);
  }
  auto issued = Grant(identity, key, decision, context);
  if (!issued && issued.error().kind->fault != schema::Fault::kBusy &&
      issued.error().kind->fault != schema::Fault::kUs) {
    return Refuse(std::move(issued).error(), identity, &decision, context);
  }
  return issued;
}

Result<Issued> Authority::Grant(const schema::Identity& identity, const SubjectKey& key,
                                const Decision& decision, const RequestContext& context) {
  // Before the entry: a device that is away, or asked for more than it does, must not fill the log
  // with unfinished certificates.
  TRY(Admission::Place place, admission_.Enter());
  const GrantTerms& terms = decision.terms();
  TRY(auto budgets, BudgetsOf(terms, decision.rule(), decision.kind(), identity));
  ProfileSettings profile = settings_.profile;
  // A rule may ask for less than the CA gives, never for more.
  profile.lifetime = std::min(profile.lifetime, terms.lifetime.value_or(profile.lifetime));
  TRY(const Serial serial, RandomSerial());
  const std::shared_ptr<const IssuingCas> cas = cas_.Now();
  const Chain& chain = cas->active().chain;
  TRY(schema::TbsDer tbs,
      MakeTbs(chain, profile, identity, key, serial, schema::ToSeconds(clock_.Now())));
  TRY(Linted linted, Lint(std::move(tbs), chain, profile.lifetime + profile.backdate));
  TRY(EventText event, GrantedEvent(identity, key, decision, chain, linted.tbs(), serial,
                                    settings_.redact_claims, context));
  const auto issuance = std::make_shared<Issuance>(custody_, std::move(place));
  TRY(log_.Enter(
      ca::Grant{
          std::move(linted), chain.key_hash, identity.token_id, identity.expires_at, key.hash(),
          identity.san.value, identity.issuer, identity.subject, context.request_id,
          decision.rule(), std::move(event),
          Basis{decision.policy_digest(), identity.issuers_digest, schema::Hex(chain.key_hash)},
          static_cast<std::size_t>(terms.per_token), std::move(budgets), TraitsOf(identity, key)},
      issuance));
  TRY(const Issuance::Done done, issuance->Wait());
  const Receipt& receipt = done.receipt;
  // A retry finishes what another CA may have begun.
  auto issuer = receipt.retry() ? cas_.Now()->IssuerOf(receipt.tbs()) : cas->shared_active();
  if (issuer == nullptr) return Error{&kBadRotation, "it lacks the CA of an entry of this log"};
  if (receipt.certificate()) {
    return Issued{receipt.index(), *receipt.certificate(), std::move(issuer), true};
  }
  TRY(CertDer certificate, Finish(receipt.index(), *done.completed, issuer->key, context));
  return Issued{receipt.index(), std::move(certificate), std::move(issuer), receipt.retry()};
}

Error Authority::Refuse(Error error, const schema::Identity& identity, const Decision* decision,
                        const RequestContext& context) {
  if (!refusals_.FirstInWindow(identity.issuer, identity.subject, error.kind->id, clock_.Now())) {
    log_.Tally(error.kind->id, identity.issuer);
    return error;
  }
  const auto noted = [&]() -> schema::Outcome {
    TRY(EventText event, DeniedEvent(error, identity, decision, settings_.redact_claims, context));
    return log_.NoteDecision(
        std::move(event),
        Basis{decision == nullptr ? "" : decision->policy_digest(), identity.issuers_digest});
  }();
  if (noted) return error;
  // A decision that cannot be entered is no decision: the client is told to come back.
  refusals_.Forget(identity.issuer, identity.subject, error.kind->id);
  return noted.error();
}

Result<CertDer> Authority::Finish(std::uint64_t index, const Issuance::Completed& completed,
                                  const IssuerKey& issuer_key, const RequestContext& context) {
  TRY(issuer_key.Verify(completed.tbs.view(), completed.signature.signature));
  CertDer certificate = Assemble(completed.tbs.view(), completed.signature.signature);
  TRY(const EventText issued,
      IssuedEvent(certificate.view(), completed.signature, completed.took, context));
  return log_.Finish(index, std::move(certificate), issued);
}

}  // namespace ca
