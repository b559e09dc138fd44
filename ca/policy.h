// Who may have a certificate: identity and key type in, Decision out; default deny. The file's
// shape is schema/policy.schema.json, an example with comments config/policy.yaml.
//
//   deny    all evaluated first; one that matches refuses, whatever allow says
//   allow   all evaluated; the first in file order that matches, key type included, allows
//
// Every rule is evaluated exactly once for each decision, and listed in it. Rules in audit mode are
// evaluated like the others and have no effect. An expired allow rule never matches; an expired
// deny rule still does: forgetting a date must not open a door.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ca/decision.h"
#include "ca/rule.h"
#include "schema/base/result.h"
#include "schema/identity.h"

namespace ca {

extern const schema::ErrorKind kBadPolicy;

// Immutable and thread-safe; a copy shares its content.
class Policy {
 public:
  // kBadPolicy names the key path, the line and what is wrong. Everything is compiled here. Safe on
  // any bytes (tests/fuzz/policy_fuzz.cc).
  static schema::Result<Policy> Parse(std::string_view text);

  //   key_algorithm  SubjectKey::algorithm()
  //   now            for `expires`; does not read the clock
  // Does not block; about 10 µs for 50 rules.
  Decision Decide(const schema::Identity& identity, std::string_view key_algorithm,
                  schema::Time now) const;

  const std::vector<Rule>& deny() const;
  const std::vector<Rule>& allow() const;
  const std::vector<PolicyIssuer>& issuers() const;  // in file order
  const std::string& digest() const;                 // hex SHA-256 of the file's octets

 private:
  explicit Policy(std::shared_ptr<const PolicyContent> content) : content_(std::move(content)) {}
  std::shared_ptr<const PolicyContent> content_;
};

}  // namespace ca
