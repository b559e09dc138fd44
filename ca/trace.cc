#include "ca/trace.h"

namespace ca {
namespace {

using schema::Json;
using Finding = Condition::Finding;

constexpr std::size_t kTextBytes = 200;

bool Holds(Finding finding, Effect effect) {
  return finding == Finding::kMatched ||
         (effect == Effect::kDeny && finding == Finding::kWrongType);
}

// Returns how many there was room for.
std::size_t AddConditions(const std::vector<Condition>& conditions,
                          const std::vector<Finding>& findings, Effect effect, const Json& claims,
                          std::size_t room, Json& out) {
  std::size_t i = 0;
  for (; i < conditions.size() && i < findings.size() && i < room; ++i) {
    const Condition& condition = conditions[i];
    out.push_back({{"claim", Shortened(condition.claim(), kTextBytes)},
                   {"wanted", Shortened(WantedText(condition), kTextBytes)},
                   {"found", FoundText(claims, condition.claim())},
                   {"holds", Holds(findings[i], effect)}});
  }
  return i;
}

}  // namespace

Json TraceOf(const Policy& policy, const Decision& decision, const Json& claims) {
  Json trace = {{"rule", decision.rule()},
                {"family", decision.family()},
                {"policy_digest", decision.policy_digest()},
                {"rules", Json::array()}};
  std::size_t room = kTraceConditions;
  const std::size_t denies = policy.deny().size();
  for (std::size_t i = 0; i < decision.checks().size(); ++i) {
    const Decision::Check& check = decision.checks()[i];
    if (!check.applies) continue;
    const Rule& rule = i < denies ? policy.deny()[i] : policy.allow()[i - denies];
    MUST(rule.id == check.rule);
    if (room < rule.when.size() + rule.grant.when.size()) {
      trace["more"] = true;
      break;
    }
    Json conditions = Json::array();
    room -= AddConditions(rule.when, check.when, check.effect, claims, room, conditions);
    room -=
        AddConditions(rule.grant.when, check.grant_when, check.effect, claims, room, conditions);
    trace["rules"].push_back({{"rule", check.rule},
                              {"effect", EffectName(check.effect)},
                              {"mode", ModeName(check.mode)},
                              {"expired", check.expired},
                              {"matched", check.matched},
                              {"key_allowed", check.key_allowed},
                              {"conditions", std::move(conditions)}});
  }
  return trace;
}

}  // namespace ca
