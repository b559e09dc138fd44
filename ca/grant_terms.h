// What an allow rule grants, and within which limits. This parses and carries them; the sequencer
// counts.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ca/condition.h"

namespace ca {

struct GrantTerms {
  struct Rate {
    int count;                    // 1..100000
    std::chrono::seconds within;  // 1 m..24 h
  };
  int per_token = 1;                 // certificates one `jti` may buy, 1..16
  std::optional<int> per_run;        // certificates for one run (schema/vocabulary.h), 1..1000
  std::optional<Rate> per_identity;  // of one (issuer, sub) under this rule
  std::vector<std::string> keys;     // SubjectKey::algorithm(); empty: all
  std::optional<std::chrono::seconds> lifetime;  // 1 m..24 h; the CA's own is never exceeded
  std::vector<Condition> when;                   // extra conditions; all must match

  bool AllowsKey(std::string_view algorithm) const;
};

schema::Result<GrantTerms> ParseGrantTerms(const schema::Node& node);

}  // namespace ca
