// One logged event under one policy, when some of its claims are not in the log.
#pragma once

#include <set>
#include <string>

#include "ca/policy.h"

namespace ca {

// What is known of a request that was logged.
struct Logged {
  schema::Identity identity;     // claims that the log holds
  std::set<std::string> hidden;  // claims it does not: redacted or cut
  bool more = false;             // claims were left out, nobody knows which: any other may be one
  std::string key;               // empty: not in the event

  bool Hides(const std::string& claim) const;
  bool HidesAny() const { return !hidden.empty() || more || key.empty(); }
};

struct Judgement {
  enum class Outcome { kAllowed, kRefused, kUnknown };
  Outcome outcome;
  std::string by;                 // "rule x", "deny rule x", "key types of rule x", "default-deny"
  std::set<std::string> missing;  // kUnknown: the claims ("key" for the key type) that would tell
};

Judgement Judge(const Policy& policy, const Logged& logged, schema::Time now);

}  // namespace ca
