// A token walked through every step of Verify, to say at which it fails and why.
//
// Unlike Verify it goes on after a failure where the rest still has a meaning, and it reads claims
// whose signature was not checked: what it finds is for an operator's eyes and proves nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/issuers.h"
#include "oidc/jwks.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/identity.h"

namespace oidc {

struct InspectStep {
  enum class State { kPassed, kFailed, kUnchecked };
  std::string_view name;  // steps.h
  State state;
  std::string found;   // what is there or what is wrong; never the token or its signature
  std::string advice;  // what to do, when it failed
};

struct Inspection {
  std::vector<InspectStep> steps;            // up to the last that could be looked at
  std::optional<schema::Identity> identity;  // when the claims map, whatever else failed
};

// The keys of `iss`, which `issuer` matches. Empty: there are none to check the signature with.
using KeyFinder = std::function<schema::Result<std::shared_ptr<const KeySet>>(
    const Issuer& issuer, const std::string& iss)>;

// Does not read the clock; blocks only as `keys` does. Safe on any token.
Inspection InspectToken(std::string_view token, const IssuerSet& issuers, const KeyFinder& keys,
                        schema::Time now);

}  // namespace oidc
