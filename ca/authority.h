// The way of one request inside the authority: identity and key in, logged and signed certificate
// out.
#pragma once

#include <string>
#include <vector>

#include "ca/chain.h"
#include "ca/issuer_key.h"
#include "ca/log/log.h"
#include "ca/policy.h"
#include "ca/profile.h"
#include "ca/refusal_memory.h"
#include "ca/request.h"
#include "hsm/custody.h"
#include "schema/identity.h"

namespace ca {

struct RequestContext {
  std::string request_id;
  std::string client_address;
};

struct Issued {
  std::uint64_t index;  // leaf index in the certificates log
  schema::CertDer certificate;
  bool retry;  // the same token and key had asked before
};

struct AuthoritySettings {
  ProfileSettings profile;
  std::vector<std::string> redact_claims;  // their values stay out of the events log
};

// Thread-safe; every argument outlives it.
class Authority {
 public:
  Authority(AuthoritySettings settings, const Chain& chain, IssuerKey issuer_key, Policy policy,
            hsm::Custody& custody, Log& log, const schema::Clock& clock);

  // Proof, policy, profile, lint, log, signature, self-check, in this order. Blocks for one commit
  // and one signature, together at most a few seconds. Every outcome after the token is in the
  // events log when it returns.
  schema::Result<Issued> Issue(const schema::Identity& identity, const KeyRequest& request,
                               const RequestContext& context);

  // A token that nobody vouches for was refused: counted, not entered one by one.
  void CountTokenRefusal(const schema::Error& error) { log_.Tally(error.kind->id, ""); }

  const Policy& policy() const { return policy_; }

 private:
  schema::Result<Issued> Grant(const schema::Identity& identity, const SubjectKey& key,
                               const Decision& decision, const RequestContext& context);
  schema::Error Refuse(schema::Error error, const schema::Identity& identity,
                       const Decision* decision, const RequestContext& context);
  schema::Result<schema::CertDer> Finish(const Receipt& receipt, const RequestContext& context);

  const AuthoritySettings settings_;
  const Chain& chain_;
  const IssuerKey issuer_key_;
  const Policy policy_;
  hsm::Custody& custody_;
  Log& log_;
  const schema::Clock& clock_;
  RefusalMemory refusals_;
};

}  // namespace ca
