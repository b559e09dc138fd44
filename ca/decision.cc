#include "ca/decision.h"

#include <algorithm>
#include <optional>

#include "ca/policy.h"
#include "ca/policy_content.h"

namespace ca {

using schema::Fault;
using schema::Json;
using Finding = Condition::Finding;

const schema::ErrorKind kPolicyDenied{
    "policy-denied", Fault::kPolicy,
    "no rule of this CA's policy allows this identity; ask the security team for a rule"};
const schema::ErrorKind kDenyRule{
    "policy-deny-rule", Fault::kPolicy,
    "a deny rule of this CA's policy refuses this identity; ask the security team"};
const schema::ErrorKind kKeyNotAllowed{
    "key-not-allowed", Fault::kPolicy,
    "this CA's policy allows this identity, but not with this type of key; use another one"};

namespace {

// The claims that any rule reads, each found once.
using Values = std::vector<const Json*>;

Values ValuesOf(const PolicyContent& content, const Json& claims) {
  Values out(content.claims.size(), nullptr);
  if (!claims.is_object()) return out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto found = claims.find(content.claims[i]);
    if (found != claims.end()) out[i] = &*found;
  }
  return out;
}

bool Holds(Finding finding, Effect effect) {
  return finding == Finding::kMatched ||
         (effect == Effect::kDeny && finding == Finding::kWrongType);
}

// Tests every condition, whatever the others gave: the decision shows all of them.
bool TestAll(const std::vector<Condition>& conditions, const std::vector<std::uint16_t>& claims,
             const Values& values, Effect effect, std::vector<Finding>* findings) {
  bool all = true;
  findings->reserve(conditions.size());
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    findings->push_back(conditions[i].TestValue(values[claims[i]]));
    all = Holds(findings->back(), effect) && all;
  }
  return all;
}

struct Request {
  const Values& values;
  std::optional<std::size_t> issuer;  // position; none: not in the policy
  std::string_view key_algorithm;
  schema::Time now;
};

Decision::Check CheckRule(const Rule& rule, const CompiledRule& compiled, const Request& request) {
  Decision::Check check{};
  check.rule = rule.id;
  check.effect = rule.effect;
  check.mode = rule.mode;
  check.expired = rule.Expired(request.now);
  check.applies =
      compiled.issuers.empty() || (request.issuer.has_value() && compiled.issuers[*request.issuer]);
  check.key_allowed = rule.grant.AllowsKey(request.key_algorithm);
  if (!check.applies) return check;
  const bool when =
      TestAll(rule.when, compiled.when_claims, request.values, rule.effect, &check.when);
  const bool grant_when = TestAll(rule.grant.when, compiled.grant_claims, request.values,
                                  rule.effect, &check.grant_when);
  check.matched = when && grant_when && !(check.expired && rule.effect == Effect::kAllow);
  return check;
}

}  // namespace

std::string_view Decision::family() const {
  if (refusal_ == nullptr) return "allow-rule";
  if (refusal_ == &kDenyRule) return "deny-rule";
  return refusal_ == &kKeyNotAllowed ? "key" : kDefaultDeny;
}

const std::string& Decision::policy_digest() const { return content_->digest; }

std::vector<std::string> Decision::OnTrial(Effect effect) const {
  std::vector<std::string> out;
  for (const Check& check : checks_) {
    if (check.mode != Mode::kAudit || check.effect != effect || !check.Acts()) continue;
    if (out.size() < kOnTrialListed) out.push_back(check.rule);
  }
  return out;
}

const GrantTerms& Decision::terms() const {
  MUST(allowed());
  return *terms_;
}

Decision Policy::Decide(const schema::Identity& identity, std::string_view key_algorithm,
                        schema::Time now) const {
  const PolicyContent& content = *content_;
  Decision out;
  out.content_ = content_;
  out.kind_ = identity.kind;
  out.key_algorithm_ = key_algorithm;
  std::optional<std::size_t> issuer;
  if (const auto found = content.by_url.find(identity.issuer); found != content.by_url.end()) {
    issuer = found->second;
    const std::string& kind = content.issuers[*issuer].kind;
    if (!kind.empty()) out.kind_ = kind;
  }
  const Values values = ValuesOf(content, identity.claims);
  const Request request{values, issuer, key_algorithm, now};
  out.checks_.reserve(content.deny.size() + content.allow.size());

  for (std::size_t i = 0; i < content.deny.size(); ++i) {
    out.checks_.push_back(CheckRule(content.deny[i], content.compiled_deny[i], request));
    const Decision::Check& check = out.checks_.back();
    if (check.mode == Mode::kAudit || !check.Acts() || out.refusal_ == &kDenyRule) continue;
    out.refusal_ = &kDenyRule;
    out.rule_ = check.rule;
  }
  const bool denied = out.refusal_ == &kDenyRule;
  for (std::size_t i = 0; i < content.allow.size(); ++i) {
    out.checks_.push_back(CheckRule(content.allow[i], content.compiled_allow[i], request));
    const Decision::Check& check = out.checks_.back();
    if (check.mode == Mode::kAudit || !check.matched || denied || out.allowed()) continue;
    if (check.key_allowed) {
      out.refusal_ = nullptr;
      out.rule_ = check.rule;
      out.terms_ = &content.allow[i].grant;
    } else if (out.refusal_ == &kPolicyDenied) {
      out.refusal_ = &kKeyNotAllowed;
      out.rule_ = check.rule;
    }
  }
  return out;
}

}  // namespace ca
