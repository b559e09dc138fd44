// The way of one request inside the authority: identity and key in, logged and signed certificate
// out.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ca/admission.h"
#include "ca/issuance.h"
#include "ca/issuing_cas.h"
#include "ca/log/log.h"
#include "ca/policy.h"
#include "ca/profile.h"
#include "ca/refusal_memory.h"
#include "ca/request.h"
#include "ca/tsa/clock_gate.h"
#include "hsm/custody.h"
#include "schema/identity.h"

namespace ca {

struct RequestContext {
  std::string request_id;
  std::string client_address;
  bool trace = false;  // DecisionNotes::trace is wanted
};

// What the caller may say of the decision besides its outcome.
struct DecisionNotes {
  std::vector<std::string> would_deny, would_allow;  // Decision::OnTrial
  // TraceOf a decision that refused, where it was wanted: for the client only where the issuer has
  // verbose-denials.
  schema::Json trace;
};

struct Issued {
  std::uint64_t index;  // leaf index in the certificates log
  schema::CertDer certificate;
  std::shared_ptr<const IssuingCa> issuer;  // never null
  bool retry;                               // the same token and key had asked before
};

struct AuthoritySettings {
  ProfileSettings profile;
  std::vector<std::string> redact_claims;  // their values stay out of the events log
  // Who keeps the clock, asked before anything is decided by it; null: it is trusted as it is. A
  // clock that was set back stops the log by itself.
  const ClockDiscipline* clock = nullptr;
};

// Thread-safe; every argument outlives it.
class Authority {
 public:
  Authority(AuthoritySettings settings, CasInForce& cas, Policy policy, hsm::Custody& custody,
            Log& log, const schema::Clock& clock);

  // Proof, policy, profile, lint, log, signature, self-check, in this order. Blocks for one commit
  // and one signature, together at most a few seconds. Every outcome after the token is in the
  // events log when it returns. kIssuersMoved: verify the token again, then ask again.
  // kTimeNotAvailable: nothing was looked at.
  //
  // `notes`, when not null, is filled from the last decision; none was made when it stays empty.
  schema::Result<Issued> Issue(const schema::Identity& identity, const KeyRequest& request,
                               const RequestContext& context, DecisionNotes* notes = nullptr);

  // A token that nobody vouches for was refused: counted, not entered one by one.
  void CountTokenRefusal(const schema::Error& error) { log_.Tally(error.kind->id, ""); }

  // Puts a policy in force, the first of a run too: in the events log `policy-loaded` is the border
  // between what the old and the new one decided. Blocks for one commit. After an error the old one
  // goes on deciding or, if the log has the new one already, requests get 503: call again.
  schema::Outcome Adopt(Policy policy);

  // Puts the issuing CAs in force, the first time of a run too. What the events log does not tell
  // of yet is entered: `ca-prepared`, `ca-activated`, `ca-retired`. `ca-activated` is the border
  // behind which no certificate of another CA is entered; what was written for another one is
  // written again. Blocks for a few commits. kBadRotation, and nothing changed: a CA that the log
  // knows is missing, or was retired and is not any more. After another error: call again.
  schema::Outcome Adopt(IssuingCas cas);

  std::shared_ptr<const Policy> policy() const;

 private:
  schema::Result<Issued> IssueUnder(const Policy& policy, const schema::Identity& identity,
                                    const SubjectKey& key, const RequestContext& context,
                                    DecisionNotes* notes);
  // The policy in force once no change is under way.
  std::shared_ptr<const Policy> SettledPolicy();
  schema::Result<Issued> Grant(const schema::Identity& identity, const SubjectKey& key,
                               const Decision& decision, const RequestContext& context);
  schema::Error Refuse(schema::Error error, const schema::Identity& identity,
                       const Decision* decision, const RequestContext& context);
  schema::Result<schema::CertDer> Finish(std::uint64_t index, const Issuance::Completed& completed,
                                         const IssuerKey& issuer_key,
                                         const RequestContext& context);

  const AuthoritySettings settings_;
  CasInForce& cas_;
  // Held from the entry in the log of a policy or a CA until it is policy_ or in cas_.
  std::mutex change_mutex_;
  mutable std::mutex policy_mutex_;
  std::shared_ptr<const Policy> policy_;  // guarded by policy_mutex_
  hsm::Custody& custody_;
  Admission admission_;
  Log& log_;
  const schema::Clock& clock_;
  RefusalMemory refusals_;
};

}  // namespace ca
