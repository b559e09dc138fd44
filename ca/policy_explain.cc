#include "ca/policy_explain.h"

#include <algorithm>

#include "ca/issuer_kind.h"
#include "ca/text.h"

namespace ca {
namespace {

using schema::Json;
using Finding = Condition::Finding;

std::string_view FindingName(Finding finding) {
  switch (finding) {
    case Finding::kMatched:
      return "matched";
    case Finding::kDiffers:
      return "differs";
    case Finding::kMissing:
      return "missing";
    case Finding::kWrongType:
      return "wrong-type";
  }
  MUST(false);
}

bool Holds(Finding finding, Effect effect) {
  return finding == Finding::kMatched ||
         (effect == Effect::kDeny && finding == Finding::kWrongType);
}

std::string_view WrongTypeNote(Effect effect) {
  return effect == Effect::kDeny ? " (cannot be judged, so it is refused)" : " (cannot be judged)";
}

// Rules with their checks: Decision lists every rule, deny before allow.
template <class Each>
void ForEachRule(const Policy& policy, const Decision& decision, const Each& each) {
  MUST(decision.checks().size() == policy.deny().size() + policy.allow().size());
  auto check = decision.checks().begin();
  for (const std::vector<Rule>* rules : {&policy.deny(), &policy.allow()}) {
    for (const Rule& rule : *rules) each(rule, *check++);
  }
}

// Names in a column.
std::size_t ClaimWidth(const Rule& rule) {
  std::size_t width = 0;
  for (const std::vector<Condition>* list : {&rule.when, &rule.grant.when}) {
    for (const Condition& condition : *list) width = std::max(width, condition.claim().size());
  }
  return std::min<std::size_t>(width, 24);
}

class Tree {
 public:
  Tree(const Policy& policy, const Asked& asked, const Decision& decision)
      : policy_(policy), asked_(asked), decision_(decision) {}

  std::string Print() && {
    ForEachRule(policy_, decision_, [this](const Rule& rule, const Decision::Check& check) {
      if (check.applies) {
        AddRule(rule, check);
      } else {
        others_.push_back(rule.id);
      }
    });
    if (!others_.empty()) {
      out_ += "– for other issuers:";
      for (const std::string& id : others_) out_ += " " + id;
      out_ += "\n";
    }
    return std::move(out_);
  }

 private:
  void AddRule(const Rule& rule, const Decision::Check& check) {
    out_ += check.Acts() ? "✓ " : "✗ ";
    out_.append(EffectName(rule.effect)).append(" ").append(rule.id);
    out_ += " (line " + std::to_string(rule.line) + ")";
    if (check.mode == Mode::kAudit) out_ += ", in audit mode: without effect";
    if (check.expired) {
      out_ +=
          rule.effect == Effect::kAllow ? ", expired: allows nothing" : ", expired, still refuses";
    }
    if (!decision_.rule().empty() && decision_.rule() == rule.id) out_ += "  ← decides";
    out_ += "\n";
    const std::size_t width = ClaimWidth(rule);
    if (rule.all) out_ += "    ✓ every token of the issuer\n";
    AddConditions(rule, rule.when, check.when, width);
    AddConditions(rule, rule.grant.when, check.grant_when, width);
    if (!rule.grant.keys.empty()) AddKeys(rule, check);
  }

  void AddConditions(const Rule& rule, const std::vector<Condition>& conditions,
                     const std::vector<Finding>& findings, std::size_t width) {
    for (std::size_t i = 0; i < conditions.size() && i < findings.size(); ++i) {
      const Condition& condition = conditions[i];
      std::string name = Plain(condition.claim());
      if (name.size() < width) name.resize(width, ' ');
      out_ += Holds(findings[i], rule.effect) ? "    ✓ " : "    ✗ ";
      out_ += name + "  wanted " + Plain(WantedText(condition)) + ", found " +
              Plain(FoundText(asked_.identity.claims, condition.claim()));
      if (findings[i] == Finding::kWrongType) out_ += WrongTypeNote(rule.effect);
      out_ += "\n";
    }
  }

  void AddKeys(const Rule& rule, const Decision::Check& check) {
    out_ += check.key_allowed ? "    ✓ key wanted" : "    ✗ key wanted";
    for (const std::string& key : rule.grant.keys) {
      out_ += (&key == &rule.grant.keys.front() ? " " : ", ") + key;
    }
    out_ += ", found " + Plain(asked_.key) + "\n";
  }

  const Policy& policy_;
  const Asked& asked_;
  const Decision& decision_;
  std::vector<std::string> others_;
  std::string out_;
};

Json ConditionsJson(const std::vector<Condition>& conditions, const std::vector<Finding>& findings,
                    Effect effect, const Json& claims) {
  Json out = Json::array();
  for (std::size_t i = 0; i < conditions.size() && i < findings.size(); ++i) {
    out.push_back({{"claim", conditions[i].claim()},
                   {"line", conditions[i].line()},
                   {"holds", Holds(findings[i], effect)},
                   {"finding", FindingName(findings[i])},
                   {"wanted", WantedText(conditions[i])},
                   {"found", FoundText(claims, conditions[i].claim())}});
  }
  return out;
}

Json CheckJson(const Rule& rule, const Decision::Check& check, const Json& claims) {
  return {{"rule", rule.id},
          {"line", rule.line},
          {"effect", EffectName(rule.effect)},
          {"mode", ModeName(rule.mode)},
          {"applies", check.applies},
          {"expired", check.expired},
          {"matched", check.matched},
          {"key_allowed", check.key_allowed},
          {"all", rule.all},
          {"when", ConditionsJson(rule.when, check.when, rule.effect, claims)},
          {"grant_when", ConditionsJson(rule.grant.when, check.grant_when, rule.effect, claims)}};
}

std::string IssuerLine(const Policy& policy, const schema::Identity& identity) {
  std::string out = Plain(identity.issuer);
  const PolicyIssuer* issuer = FindIssuer(policy.issuers(), identity.issuer);
  if (issuer == nullptr) return out + " (not in this policy)";
  return out + " (" + issuer->name + ")";
}

}  // namespace

std::string Verdict(const Decision& decision) {
  const std::string rule = "'" + decision.rule() + "'";
  if (decision.allowed()) return "allowed by rule " + rule;
  if (decision.family() == "deny-rule") return "refused by deny rule " + rule;
  if (decision.family() == "key") return "refused: rule " + rule + " does not allow this key type";
  return "refused: no rule allows it (default-deny)";
}

std::string ExplainText(const Policy& policy, const Asked& asked) {
  const Decision decision = policy.Decide(asked.identity, asked.key, asked.now);
  std::string out = Verdict(decision) + "\n";
  out += "issuer  " + IssuerLine(policy, asked.identity) + "\n";
  const std::string& subject = asked.identity.subject;
  out += "subject " + (subject.empty() ? "(none)" : Plain(subject)) + "\n";
  out += "key     " + Plain(asked.key) + "\n";
  out += "at      " + schema::Rfc3339(asked.now) + "\n";
  out += "policy  " + policy.digest() + "\n\n";
  return out + Tree(policy, asked, decision).Print();
}

Json ExplainJson(const Policy& policy, const Asked& asked) {
  const Decision decision = policy.Decide(asked.identity, asked.key, asked.now);
  Json rules = Json::array();
  ForEachRule(policy, decision, [&](const Rule& rule, const Decision::Check& check) {
    rules.push_back(CheckJson(rule, check, asked.identity.claims));
  });
  return {{"allowed", decision.allowed()},
          {"rule", decision.rule()},
          {"family", decision.family()},
          {"verdict", Verdict(decision)},
          {"issuer", asked.identity.issuer},
          {"subject", asked.identity.subject},
          {"key", asked.key},
          {"now", schema::Rfc3339(asked.now)},
          {"policy_digest", policy.digest()},
          {"rules", std::move(rules)}};
}

}  // namespace ca
