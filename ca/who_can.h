// Who can sign? For an identity: what it could get. For a repository: which rules and workflows.
// For nobody in particular: every allow rule in words. Reads the policy alone.
//
// What is asked about is known in part: a condition on a claim that is known holds or not, one on
// any other claim is an "if" of the answer.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ca/policy.h"
#include "schema/base/json.h"
#include "schema/base/time.h"

namespace ca {

struct WhoQuestion {
  std::string issuer = {};                  // short name or URL; empty: every issuer
  std::optional<schema::Json> claims = {};  // all of them: what is not there is missing
  std::vector<std::pair<std::string, std::string>> known = {};  // some of them, as text
  std::string repository = {}, repository_id = {};  // for CI kinds: the claims that say so
  std::string san = {};  // as in the certificate, for kinds that can be read back
};

// A deny rule that stands between.
struct WhoDenied {
  const Rule* rule;
  std::vector<const Condition*> unless;  // not known; empty: it refuses
};
// One allow rule for one issuer.
struct WhoAnswer {
  const Rule* rule;
  const PolicyIssuer* issuer;
  std::vector<const Condition*> known;  // conditions that hold
  std::vector<const Condition*> only_if;
  std::vector<WhoDenied> denied;  // what could refuse; a certain one refuses
  bool expired;

  bool refused() const;
  bool certain() const;  // can sign now, whatever is not known
};

// In file order; rules that cannot match are left out, refused and expired ones are there.
// kBadInput: an unknown issuer, or a question that no issuer's kind can answer.
schema::Result<std::vector<WhoAnswer>> WhoCan(const Policy& policy, const WhoQuestion& question,
                                              schema::Time now);

// A table for people, safe for a terminal, and the same as JSON.
std::string WhoText(const Policy& policy, const std::vector<WhoAnswer>& answers);
schema::Json WhoJson(const Policy& policy, const std::vector<WhoAnswer>& answers);

// `ref is like "refs/tags/v*"`: a condition in words.
std::string InWords(const Condition& condition);

}  // namespace ca
