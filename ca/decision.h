// What the policy says of one identity and key, and how it came to say so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ca/rule.h"
#include "schema/base/result.h"

namespace ca {

// The refusals, all Fault::kPolicy. Their texts say which family answered, never what a rule holds.
extern const schema::ErrorKind kPolicyDenied;   // default-deny: no rule allows
extern const schema::ErrorKind kDenyRule;       // deny-rule: a deny rule matched
extern const schema::ErrorKind kKeyNotAllowed;  // key: a rule would allow, but not this key type

struct PolicyContent;

inline constexpr std::size_t kOnTrialListed = 32;

// Made only by Policy::Decide. Cheap to move; keeps what it refers to alive after a reload.
class Decision {
 public:
  // One rule's part in it.
  struct Check {
    std::string rule;
    Effect effect;
    Mode mode;
    bool applies;  // the rule is for this issuer
    bool expired;
    // It has its effect on this identity (or would, in audit mode): it applies, every condition
    // holds and, of an allow rule, it has not expired. An expired deny rule still matches.
    bool matched;
    // For each condition in file order; empty when the rule does not apply. In a deny rule
    // kWrongType counts as a match: what cannot be judged is refused.
    std::vector<Condition::Finding> when;
    std::vector<Condition::Finding> grant_when;
    bool key_allowed;  // the key's algorithm is in `grant.keys`; true in a deny rule

    // What it does, or in audit mode would do.
    bool Acts() const { return matched && key_allowed; }
  };

  bool allowed() const { return refusal_ == nullptr; }
  const schema::ErrorKind* refusal() const { return refusal_; }  // nullptr when allowed
  // The rule that named the decision: that denied, that allowed, or whose key types forbade it;
  // "default-deny" when there is none.
  const std::string& rule() const { return rule_; }
  std::string_view family() const;           // "allow-rule", "deny-rule", "default-deny", "key"
  const std::string& policy_digest() const;  // hex SHA-256 of the policy file
  const std::vector<Check>& checks() const { return checks_; }  // every rule: deny, then allow
  // Ids of rules in audit mode that would have acted, in order; at most kOnTrialListed.
  std::vector<std::string> OnTrial(Effect effect) const;
  const GrantTerms& terms() const;  // of the rule that allowed; MUST be allowed()
  // The vocabulary of budgets: the policy's for this issuer, else the identity's own.
  std::string_view kind() const { return kind_; }
  std::string_view key_algorithm() const { return key_algorithm_; }  // as it was asked for

 private:
  friend class Policy;
  Decision() = default;

  const schema::ErrorKind* refusal_ = &kPolicyDenied;
  std::string rule_{kDefaultDeny};
  std::string kind_;
  std::string key_algorithm_;
  std::vector<Check> checks_;
  const GrantTerms* terms_ = nullptr;  // in content_
  std::shared_ptr<const PolicyContent> content_;
};

}  // namespace ca
