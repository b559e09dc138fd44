// The text of a claim, as it stands in names and extensions.
#pragma once

#include <string>
#include <string_view>

#include "oidc/rules.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace oidc {

// The text of a claim: strings as they are, true and false, numbers exactly (see schema/base/json.h
// for why a double beyond 2^53 is refused). An object, a list, null, a NUL octet or more than
// limits::kClaimTextBytes octets is kClaims; `key` is for the message. With Rules::null_is_text and
// ::inexact_values what Go would have printed: <nil>, [a 1], map[a:1], digits of a double.
schema::Result<std::string> ClaimText(std::string_view key, const schema::Json& claim,
                                      const Rules& rules = kChanceryRules);

}  // namespace oidc
