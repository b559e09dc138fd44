#include "ca/replay/judge.h"

namespace ca {
namespace {

using Finding = Condition::Finding;
using Outcome = Judgement::Outcome;

constexpr const char* kKeyName = "(key type)";

std::string ByName(const Decision& decision) {
  if (decision.allowed()) return "rule " + decision.rule();
  if (decision.family() == "deny-rule") return "deny rule " + decision.rule();
  if (decision.family() == "key") return "key types of rule " + decision.rule();
  return decision.rule();
}

bool Holds(Finding finding, Effect effect) {
  return finding == Finding::kMatched ||
         (effect == Effect::kDeny && finding == Finding::kWrongType);
}

enum class Match { kNo, kYes, kPerhaps };

// Of a rule, with the claims that would tell added to `missing`.
Match MatchOf(const Rule& rule, const Decision::Check& check, const Logged& logged,
              std::set<std::string>* missing) {
  if (!check.applies || (check.expired && rule.effect == Effect::kAllow)) return Match::kNo;
  std::set<std::string> open;
  const auto holds = [&](const std::vector<Condition>& conditions,
                         const std::vector<Finding>& findings) {
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      if (logged.Hides(conditions[i].claim())) {
        open.insert(conditions[i].claim());
      } else if (!Holds(findings[i], rule.effect)) {
        return false;
      }
    }
    return true;
  };
  if (!holds(rule.when, check.when) || !holds(rule.grant.when, check.grant_when)) return Match::kNo;
  if (!rule.grant.keys.empty()) {
    if (logged.key.empty()) {
      open.insert(kKeyName);
    } else if (!check.key_allowed) {
      return Match::kNo;
    }
  }
  missing->insert(open.begin(), open.end());
  return open.empty() ? Match::kYes : Match::kPerhaps;
}

struct Found {
  const Rule* certain = nullptr;  // the first
  bool perhaps = false;
  std::set<std::string> missing;
};

Found Look(const std::vector<Rule>& rules, const Decision::Check* checks, const Logged& logged) {
  Found found;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].mode == Mode::kAudit) continue;
    std::set<std::string> missing;
    const Match match = MatchOf(rules[i], checks[i], logged, &missing);
    if (match == Match::kYes && found.certain == nullptr) found.certain = &rules[i];
    if (match != Match::kPerhaps) continue;
    found.perhaps = true;
    found.missing.insert(missing.begin(), missing.end());
  }
  return found;
}

}  // namespace

bool Logged::Hides(const std::string& claim) const {
  return hidden.contains(claim) || (more && !identity.claims.contains(claim));
}

Judgement Judge(const Policy& policy, const Logged& logged, schema::Time now) {
  const Decision decision = policy.Decide(logged.identity, logged.key, now);
  if (!logged.HidesAny()) {
    return {decision.allowed() ? Outcome::kAllowed : Outcome::kRefused, ByName(decision), {}};
  }
  const Decision::Check* checks = decision.checks().data();
  const Found deny = Look(policy.deny(), checks, logged);
  if (deny.certain != nullptr) return {Outcome::kRefused, "deny rule " + deny.certain->id, {}};
  const Found allow = Look(policy.allow(), checks + policy.deny().size(), logged);
  if (allow.certain == nullptr && !allow.perhaps) {
    return {Outcome::kRefused, std::string(kDefaultDeny), {}};
  }
  if (!deny.perhaps && allow.certain != nullptr) {
    return {Outcome::kAllowed, "rule " + allow.certain->id, {}};
  }
  std::set<std::string> missing = deny.missing;
  if (allow.certain == nullptr) missing.insert(allow.missing.begin(), allow.missing.end());
  return {Outcome::kUnknown, "", std::move(missing)};
}

}  // namespace ca
