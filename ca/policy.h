// Who may have a certificate: Identity in, Decision out; default deny.
//
// policy.yaml for now:
//   version: 1
//   issuers:
//     https://token.actions.githubusercontent.com:
//       allow: all                         # or a list of rules, any one of which is enough:
//     https://gitlab.com:
//       allow:
//         - id: payments-release           # stable, shown in every decision
//           claims: {project_id: "123", ref_protected: "true"}   # exact values; all must match
// A claim matches when its text equals the wanted text: strings as they are, numbers and booleans
// as JSON writes them. A missing claim, null, array or object never matches.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/identity.h"

namespace schema {
class Node;
}

namespace ca {

extern const schema::ErrorKind kBadPolicy;
extern const schema::ErrorKind kPolicyDenied;  // Fault::kPolicy

// Made only by Policy::Decide.
class Decision {
 public:
  struct Check {
    std::string rule;
    bool matched;
  };
  bool allowed() const { return allowed_; }
  const std::string& rule() const {
    return rule_;
  }  // the rule that allowed; "default-deny" otherwise
  const std::string& policy_digest() const { return digest_; }  // hex SHA-256 of the policy file
  const std::vector<Check>& checks() const { return checks_; }  // every rule evaluated, in order

 private:
  friend class Policy;
  Decision() = default;
  bool allowed_ = false;
  std::string rule_;
  std::string digest_;
  std::vector<Check> checks_;
};

class Policy {
 public:
  static schema::Result<Policy> Parse(std::string_view text);
  Decision Decide(const schema::Identity& identity) const;
  const std::string& digest() const { return digest_; }

 private:
  struct Rule {
    std::string id;
    std::vector<std::pair<std::string, std::string>> claims;
  };
  schema::Outcome Read(std::string_view text);
  schema::Outcome ReadIssuer(const std::string& issuer, const schema::Node& node,
                             std::set<std::string>* ids);

  std::map<std::string, std::vector<Rule>, std::less<>> issuers_;  // no claims: allow all
  std::string digest_;
};

}  // namespace ca
