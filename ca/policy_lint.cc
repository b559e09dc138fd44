#include "ca/policy_lint.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "ca/issuer_kind.h"
#include "ca/lint_rules.h"
#include "ca/text.h"

namespace ca {
namespace {

using schema::Json;

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

void CheckOwner(const lint::Context& context, const Rule& rule) {
  if (rule.owner.empty()) {
    context.Warn("no-owner", rule, rule.line, "has no `owner`: say which team answers for it");
  }
  if (rule.ticket.empty()) {
    context.Warn("no-ticket", rule, rule.line, "has no `ticket`: say why it is there");
  }
}

void CheckExpiry(const lint::Context& context, const Rule& rule) {
  if (!rule.Expired(context.now)) return;
  const std::string date = schema::Rfc3339(*rule.expires).substr(0, 10);
  if (rule.effect == Effect::kAllow) {
    context.Error("expired", rule, rule.line,
                  "expired on " + date + " and allows nothing; prolong or delete it");
  } else {
    context.Warn("expired", rule, rule.line,
                 "expired on " + date + " and still refuses; prolong or delete it");
  }
}

void CheckIssuers(const Policy& policy, std::vector<LintFinding>* findings) {
  std::set<std::string> used;
  for (const std::vector<Rule>* rules : {&policy.deny(), &policy.allow()}) {
    for (const Rule& rule : *rules) used.insert(rule.issuers.begin(), rule.issuers.end());
  }
  for (const PolicyIssuer& issuer : policy.issuers()) {
    const std::string place = "issuers." + issuer.name;
    if (!used.contains(issuer.url)) {
      findings->push_back({"unused-issuer", Severity::kWarning, place, issuer.line,
                           "no rule names it: all its tokens are refused"});
    }
    const std::string_view near = NearestPublic(issuer.url);
    if (issuer.kind.empty() && !near.empty() && near != issuer.url) {
      findings->push_back(
          {"misspelt-issuer", Severity::kWarning, place, issuer.line,
           "no token comes from " + issuer.url + "; did you mean " + std::string(near) + "?"});
    } else if (VocabularyOf(issuer) == nullptr) {
      findings->push_back(
          {"unknown-kind", Severity::kWarning, place, issuer.line,
           "its claims cannot be checked; give it a `kind`: one of " + schema::VocabularyKinds()});
    }
  }
}

// The line in "line 7: allow[0].when: …".
int LineOf(std::string_view detail) {
  constexpr std::string_view kStart = "line ";
  int line = 0;
  if (detail.starts_with(kStart)) {
    std::from_chars(detail.data() + kStart.size(), detail.data() + detail.size(), line);
  }
  return line;
}

}  // namespace

void lint::Context::Add(Severity severity, std::string_view code, const Rule& rule, int line,
                        std::string why) const {
  findings->push_back({code, severity, rule.id, line, std::move(why)});
}
void lint::Context::Error(std::string_view code, const Rule& rule, int line,
                          std::string why) const {
  Add(Severity::kError, code, rule, line, std::move(why));
}
void lint::Context::Warn(std::string_view code, const Rule& rule, int line, std::string why) const {
  Add(Severity::kWarning, code, rule, line, std::move(why));
}

std::vector<LintFinding> LintPolicy(const Policy& policy, schema::Time now) {
  std::vector<LintFinding> findings;
  const lint::Context context{policy, now, &findings};
  CheckIssuers(policy, &findings);
  for (const Rule& rule : policy.deny()) {
    CheckExpiry(context, rule);
    lint::CheckConditions(context, rule);
  }
  for (const Rule& rule : policy.allow()) {
    CheckExpiry(context, rule);
    CheckOwner(context, rule);
    lint::CheckConditions(context, rule);
    lint::CheckIdentity(context, rule);
    lint::CheckEvents(context, rule);
    lint::CheckReach(context, rule);
  }
  if (policy.allow().empty()) {
    findings.push_back({"nobody", Severity::kWarning, "", 0, "no allow rule: nobody can sign"});
  }
  std::ranges::stable_sort(findings, [](const LintFinding& a, const LintFinding& b) {
    return std::tie(a.line, a.code) < std::tie(b.line, b.code);
  });
  return findings;
}

std::vector<LintFinding> LintText(std::string_view text, schema::Time now) {
  const auto policy = Policy::Parse(text);
  if (policy) return LintPolicy(*policy, now);
  const std::string& detail = policy.error().detail;
  return {{"bad-policy", Severity::kError, "", LineOf(detail), detail}};
}

bool HasErrors(const std::vector<LintFinding>& findings) {
  return std::ranges::any_of(
      findings, [](const LintFinding& finding) { return finding.severity == Severity::kError; });
}

std::string LintReport(const std::string& file, const std::vector<LintFinding>& findings) {
  std::string out;
  for (const LintFinding& finding : findings) {
    out.append(Plain(file)).append(":").append(std::to_string(finding.line)).append(": ");
    out.append(SeverityName(finding.severity)).append(": ").append(finding.code).append(": ");
    if (!finding.rule.empty()) out.append(Plain(finding.rule)).append(": ");
    out.append(Plain(finding.why)).append("\n");
  }
  const auto errors = std::ranges::count(findings, Severity::kError, &LintFinding::severity);
  const auto warnings = static_cast<std::ptrdiff_t>(findings.size()) - errors;
  out += std::to_string(errors) + (errors == 1 ? " error, " : " errors, ");
  out += std::to_string(warnings) + (warnings == 1 ? " warning\n" : " warnings\n");
  return out;
}

Json LintJson(const std::string& file, const std::vector<LintFinding>& findings) {
  Json list = Json::array();
  for (const LintFinding& finding : findings) {
    list.push_back({{"code", finding.code},
                    {"severity", SeverityName(finding.severity)},
                    {"rule", finding.rule.empty() ? Json(nullptr) : Json(finding.rule)},
                    {"line", finding.line},
                    {"why", finding.why}});
  }
  const auto errors = std::ranges::count(findings, Severity::kError, &LintFinding::severity);
  return {{"file", file},
          {"errors", errors},
          {"warnings", static_cast<std::ptrdiff_t>(findings.size()) - errors},
          {"findings", std::move(list)}};
}

}  // namespace ca
