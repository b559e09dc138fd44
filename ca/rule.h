// One rule of policy.yaml, and the issuers it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/condition.h"
#include "ca/grant_terms.h"
#include "schema/base/time.h"

namespace ca {

enum class Effect : std::uint8_t { kDeny, kAllow };
enum class Mode : std::uint8_t { kEnforce, kAudit };

std::string_view EffectName(Effect effect);  // "deny", "allow"
std::string_view ModeName(Mode mode);        // "enforce", "audit"

struct PolicyIssuer {
  std::string name;  // what rules call it
  std::string url;   // exactly the token's "iss"
  std::string kind;  // schema/vocabulary.h; empty: the identity's own
  int line = 0;
};

struct Rule {
  std::string id;           // unique in the file
  std::string description;  // free text, for people, as are owner and ticket
  std::string owner;
  std::string ticket;
  std::optional<schema::Time> expires;  // counts before this instant, not from it on
  Mode mode = Mode::kEnforce;
  Effect effect = Effect::kDeny;
  std::vector<std::string> issuers;  // URLs; empty in a deny rule: every issuer
  std::vector<Condition> when;       // all must match
  bool all = false;                  // `when: all`; `when` is empty then
  GrantTerms grant;                  // allow only
  int line = 0;

  bool Expired(schema::Time now) const { return expires && now >= *expires; }
};

// "default-deny" names the decision when no rule does.
inline constexpr std::string_view kDefaultDeny = "default-deny";

schema::Result<PolicyIssuer> ParsePolicyIssuer(const std::string& name, const schema::Node& node);
schema::Result<Rule> ParseRule(const schema::Node& node, Effect effect,
                               const std::vector<PolicyIssuer>& issuers);

}  // namespace ca
