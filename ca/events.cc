#include "ca/events.h"

#include "ca/budgets.h"

#include <algorithm>

namespace ca {
namespace {

using schema::JsonWriter;
using schema::Result;

constexpr std::size_t kClaimBytes = 1024;
constexpr std::size_t kClaimsBytes =
    24 * 1024;  // all claims of one event; an entry has at most 65,535 octets
constexpr std::size_t kNumberBytes = 24;  // of a number or a truth value, at most
constexpr std::string_view kMore = "…";
constexpr std::size_t kChecksBytes = 20 * 1024;
constexpr std::size_t kCheckBytes = 100;  // of one check beside its id and letters

// Cut between characters, so that the event stays UTF-8.
std::string Capped(const std::string& text) {
  if (text.size() <= kClaimBytes) return text;
  std::size_t end = kClaimBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

void WriteCapped(const std::string& text, JsonWriter& out) {
  if (text.size() <= kClaimBytes) return out.Text(text);
  out.Text(Capped(text));
}

void WriteClaim(const schema::Json& value, JsonWriter& out) {
  if (value.is_string()) {
    WriteCapped(value.get_ref<const std::string&>(), out);
  } else if (value.is_structured()) {
    WriteCapped(value.dump(), out);
  } else {
    out.Value(value);
  }
}

// In the order of their names; "…" among them, in its place, when some were left out.
void WriteClaims(const schema::Json& claims, const std::vector<std::string>& redact,
                 EventWriter& event) {
  auto fits = [left = kClaimsBytes](std::string_view name, const schema::Json& value) mutable {
    const std::size_t text = value.is_string()       ? value.get_ref<const std::string&>().size()
                             : value.is_structured() ? kClaimBytes
                                                     : kNumberBytes;
    const std::size_t size = name.size() + std::min(text, kClaimBytes);
    if (name.size() > kClaimBytes || size > left) return false;
    left -= size;
    return true;
  };
  std::vector<schema::Json::const_iterator> kept;
  for (auto claim = claims.begin(); claim != claims.end(); ++claim) {
    if (fits(claim.key(), *claim)) kept.push_back(claim);
  }
  JsonWriter& out = event.Member("claims");
  bool owed = kept.size() < claims.size();
  const auto pay = [&] {
    out.Name(kMore);
    out.Text("more claims than an event holds");
    owed = false;
  };
  out.BeginObject();
  for (const auto& claim : kept) {
    const std::string& name = claim.key();
    if (owed && name > kMore) pay();
    out.Name(name);
    if (name == "jti" || std::ranges::find(redact, name) != redact.end()) {
      out.Text("(redacted)");
    } else {
      WriteClaim(*claim, out);
    }
  }
  if (owed) pay();
  out.EndObject();
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

void WriteCheck(const Decision::Check& check, JsonWriter& out) {
  std::string when;
  for (const Condition::Finding finding : check.when) when += Letter(finding);
  if (!check.grant_when.empty()) when += '+';
  for (const Condition::Finding finding : check.grant_when) when += Letter(finding);
  const auto text = [&out](std::string_view name, std::string_view value) {
    out.Name(name);
    out.Text(value);
  };
  const auto boolean = [&out](std::string_view name, bool value) {
    out.Name(name);
    out.Boolean(value);
  };
  out.BeginObject();
  text("effect", EffectName(check.effect));
  if (check.expired) boolean("expired", true);
  if (!check.key_allowed) boolean("key", false);
  if (check.matched) boolean("matched", true);
  if (check.mode == Mode::kAudit) text("mode", ModeName(check.mode));
  text("rule", check.rule);
  text("when", when);
  out.EndObject();
}

void WriteChecks(const Decision& decision, EventWriter& event) {
  std::size_t total = 0, left_out = 0;
  JsonWriter& out = event.Member("checks");
  out.BeginArray();
  for (const Decision::Check& check : decision.checks()) {
    if (!check.applies) continue;
    total += kCheckBytes + check.rule.size() + check.when.size() + check.grant_when.size();
    if (total > kChecksBytes) {
      ++left_out;
    } else {
      WriteCheck(check, out);
    }
  }
  out.EndArray();
  if (left_out > 0) event.Number("checks_left_out", left_out);
}

// What the rules on trial would have done.
void WriteOnTrial(std::string_view name, const std::vector<std::string>& rules,
                  EventWriter& event) {
  if (rules.empty()) return;
  JsonWriter& out = event.Member(name);
  out.BeginArray();
  for (const std::string& rule : rules) out.Text(rule);
  out.EndArray();
}

// What a granted event says beside the decision.
struct Certified {
  const SubjectKey& key;
  const Chain& chain;
  schema::BytesView tbs;
  const Serial& serial;
};

// One event, member by member in the order of their names: `certified` or else `error` is given.
Result<EventText> EventOf(const schema::Identity& identity, const Decision* decision,
                          const Certified* certified, const schema::Error* error,
                          const std::vector<std::string>& redact, const RequestContext& context) {
  // The rule allowed it; what it grants is what ran out.
  const bool exhausted = error != nullptr && error->Is(kBudgetExhausted);
  const bool budget = exhausted || (error != nullptr && error->Is(kRunUnknown));
  EventWriter event;
  if (exhausted) event.Text("budget", error->detail);
  if (decision != nullptr) WriteChecks(*decision, event);
  WriteClaims(identity.claims, redact, event);
  event.Text("client_address", context.client_address);
  if (error != nullptr && !error->detail.empty()) event.Text("detail", Capped(error->detail));
  if (budget) {
    event.Text("family", "budget");
  } else if (decision != nullptr) {
    event.Text("family", decision->family());
  }
  event.Text("issuer", identity.issuer);
  event.Text("issuers_digest", identity.issuers_digest);
  if (certified != nullptr) {
    event.Text("issuing_key_sha256", schema::Hex(certified->chain.key_hash));
  }
  if (decision != nullptr) event.Text("key_algorithm", decision->key_algorithm());
  if (certified != nullptr) event.Text("key_sha256", schema::Hex(certified->key.hash()));
  if (decision != nullptr) {
    event.Text("kind", decision->kind());
    event.Text("policy_digest", decision->policy_digest());
  }
  if (error != nullptr) event.Text("reason", error->kind->id);
  event.Text("request_id", context.request_id);
  if (decision != nullptr) {
    event.Text("rule", decision->rule());
    event.Number("rules", decision->checks().size());
  }
  if (certified != nullptr) {
    event.Text("san", identity.san.value);
    event.Text("serial", schema::Hex(certified->serial));
  }
  if (identity.shared_audience) event.Member("shared_audience").Boolean(true);
  event.Text("subject", Capped(identity.subject));
  if (certified != nullptr) {
    event.Text("tbs_sha256", schema::Hex(schema::Sha256(certified->tbs)));
  }
  if (identity.token_id) event.Text("token_id", schema::Hex(*identity.token_id));
  event.Text("type", certified != nullptr ? "granted" : "denied");
  if (decision != nullptr) {
    WriteOnTrial("would_allow", decision->OnTrial(Effect::kAllow), event);
    WriteOnTrial("would_deny", decision->OnTrial(Effect::kDeny), event);
  }
  return std::move(event).Finish();
}

}  // namespace

Result<EventText> GrantedEvent(const schema::Identity& identity, const SubjectKey& key,
                               const Decision& decision, const Chain& chain, schema::BytesView tbs,
                               const Serial& serial, const std::vector<std::string>& redact,
                               const RequestContext& context) {
  const Certified certified{key, chain, tbs, serial};
  return EventOf(identity, &decision, &certified, nullptr, redact, context);
}

Result<EventText> IssuedEvent(schema::BytesView certificate, const hsm::Signed& signature,
                              std::chrono::microseconds took, const RequestContext& context) {
  EventWriter event;
  event.Text("certificate_sha256", schema::Hex(schema::Sha256(certificate)));
  event.Text("request_id", context.request_id);
  event.Number("signature_microseconds", static_cast<std::uint64_t>(took.count()));
  event.Number("signer_run", signature.run);
  event.Text("token_serial", signature.token_serial);
  event.Text("type", "issued");
  return std::move(event).Finish();
}

Result<EventText> DeniedEvent(const schema::Error& error, const schema::Identity& identity,
                              const Decision* decision, const std::vector<std::string>& redact,
                              const RequestContext& context) {
  return EventOf(identity, decision, nullptr, &error, redact, context);
}

}  // namespace ca
