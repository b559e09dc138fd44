#include "ca/events.h"

#include "ca/budgets.h"

#include <algorithm>

namespace ca {
namespace {

using schema::Json;

constexpr std::size_t kClaimBytes = 1024;
constexpr std::size_t kClaimsBytes =
    24 * 1024;  // all claims of one event; an entry has at most 65,535 octets
constexpr std::size_t kChecksBytes = 20 * 1024;
constexpr std::size_t kCheckBytes = 100;  // of one check beside its id and letters

// Cut between characters, so that the event stays UTF-8.
std::string Capped(const std::string& text) {
  if (text.size() <= kClaimBytes) return text;
  std::size_t end = kClaimBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Json ClaimsOf(const schema::Identity& identity, const std::vector<std::string>& redact) {
  Json out = Json::object();
  std::size_t total = 0;
  for (const auto& [name, value] : identity.claims.items()) {
    const bool hidden = std::ranges::find(redact, name) != redact.end() || name == "jti";
    Json kept;
    if (hidden) {
      kept = "(redacted)";
    } else if (value.is_string()) {
      kept = Capped(value.get_ref<const std::string&>());
    } else if (value.is_structured()) {
      kept = Capped(value.dump());
    } else {
      kept = value;
    }
    total += name.size() + (kept.is_string() ? kept.get_ref<const std::string&>().size() : 24);
    if (total > kClaimsBytes) {
      out["…"] = "more claims than an event holds";
      break;
    }
    out[name.size() <= kClaimBytes ? name : Capped(name)] = std::move(kept);
  }
  return out;
}

char Letter(Condition::Finding finding) {
  switch (finding) {
    case Condition::Finding::kMatched:
      return 'm';
    case Condition::Finding::kDiffers:
      return 'd';
    case Condition::Finding::kMissing:
      return '-';
    case Condition::Finding::kWrongType:
      return 't';
  }
  MUST(false);
}

Json CheckOf(const Decision::Check& check) {
  std::string when;
  for (const Condition::Finding finding : check.when) when += Letter(finding);
  if (!check.grant_when.empty()) when += '+';
  for (const Condition::Finding finding : check.grant_when) when += Letter(finding);
  Json out = {
      {"rule", check.rule}, {"effect", EffectName(check.effect)}, {"when", std::move(when)}};
  if (check.matched) out["matched"] = true;
  if (check.mode == Mode::kAudit) out["mode"] = ModeName(check.mode);
  if (check.expired) out["expired"] = true;
  if (!check.key_allowed) out["key"] = false;
  return out;
}

void AddChecks(const Decision& decision, Json& event) {
  Json checks = Json::array();
  std::size_t total = 0;
  std::size_t left_out = 0;
  for (const Decision::Check& check : decision.checks()) {
    if (!check.applies) continue;
    total += kCheckBytes + check.rule.size() + check.when.size() + check.grant_when.size();
    if (total > kChecksBytes) {
      ++left_out;
    } else {
      checks.push_back(CheckOf(check));
    }
  }
  event["rules"] = decision.checks().size();
  event["checks"] = std::move(checks);
  if (left_out > 0) event["checks_left_out"] = left_out;
}

// What the rules on trial would have done.
void AddAudit(const Decision& decision, Json& event) {
  auto deny = decision.OnTrial(Effect::kDeny), allow = decision.OnTrial(Effect::kAllow);
  if (!deny.empty()) event["would_deny"] = std::move(deny);
  if (!allow.empty()) event["would_allow"] = std::move(allow);
}

Json Common(const char* type, const schema::Identity& identity,
            const std::vector<std::string>& redact, const RequestContext& context) {
  Json event = {
      {"type", type},
      {"request_id", context.request_id},
      {"client_address", context.client_address},
      {"issuer", identity.issuer},
      {"issuers_digest", identity.issuers_digest},
      {"subject", Capped(identity.subject)},
      {"claims", ClaimsOf(identity, redact)},
  };
  if (identity.shared_audience) event["shared_audience"] = true;
  if (identity.token_id) event["token_id"] = schema::Hex(*identity.token_id);
  return event;
}

void AddDecision(const Decision& decision, Json& event) {
  event["rule"] = decision.rule();
  event["family"] = decision.family();
  event["policy_digest"] = decision.policy_digest();
  event["kind"] = decision.kind();
  event["key_algorithm"] = decision.key_algorithm();
  AddChecks(decision, event);
  AddAudit(decision, event);
}

}  // namespace

Json GrantedEvent(const schema::Identity& identity, const SubjectKey& key, const Decision& decision,
                  const Chain& chain, schema::BytesView tbs, const Serial& serial,
                  const std::vector<std::string>& redact, const RequestContext& context) {
  Json event = Common("granted", identity, redact, context);
  AddDecision(decision, event);
  event["san"] = identity.san.value;
  event["serial"] = schema::Hex(serial);
  event["tbs_sha256"] = schema::Hex(schema::Sha256(tbs));
  event["key_sha256"] = schema::Hex(key.hash());
  event["issuing_key_sha256"] = schema::Hex(chain.key_hash);
  return event;
}

Json DeniedEvent(const schema::Error& error, const schema::Identity& identity,
                 const Decision* decision, const std::vector<std::string>& redact,
                 const RequestContext& context) {
  Json event = Common("denied", identity, redact, context);
  event["reason"] = error.kind->id;
  if (!error.detail.empty()) event["detail"] = Capped(error.detail);
  if (decision != nullptr) AddDecision(*decision, event);
  if (error.Is(kBudgetExhausted)) event["budget"] = error.detail;
  // The rule allowed it; what it grants is what ran out.
  if (error.Is(kBudgetExhausted) || error.Is(kRunUnknown)) event["family"] = "budget";
  return event;
}

}  // namespace ca
