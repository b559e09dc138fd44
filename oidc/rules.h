// Where Chancery reads tokens and the issuers file otherwise than Fulcio does, each difference by
// name. `--fulcio-compat` is kFulcioRules; nothing else in this folder asks which of the two is on.
#pragma once

#include <string_view>
#include <vector>

namespace oidc {

// True gives up what Chancery holds and does as Fulcio. What only Fulcio's leniency towards
// malformed tokens would add stays refused in both: repeated members, claim names in another case,
// a SAN without scheme or host, a token for several audiences.
struct Rules {
  bool claims_replace_constants = false;  // a token's claim wins over a constant of the same name
  bool null_is_text = false;              // "<nil>"
  bool absent_is_empty = false;  // `index` on a missing claim, a missing claim of Kubernetes: ""
  bool empty_parts = false;      // an empty claim may stand within a longer text
  bool inexact_values = false;   // numbers through a double; lists and maps as Go prints them
  bool foreign_hosts = false;    // a self-managed host gets the URLs of the public one
  bool lenient_keys = false;     // an unknown key or a contradicting challenge-claim is a warning
  bool unchecked_subjects = false;    // GitHub's `sub` is not compared with the other claims
  bool merge_request_tokens = false;  // GitLab's, whose project_* may name a fork

  bool operator==(const Rules&) const = default;
};

inline constexpr Rules kChanceryRules{};
inline constexpr Rules kFulcioRules{true, true, true, true, true, true, true, true, true};

// What is given up, one sentence each; empty for kChanceryRules.
std::vector<std::string_view> GivenUp(const Rules& rules);

}  // namespace oidc
