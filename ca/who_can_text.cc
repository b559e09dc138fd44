// How answers of who_can.h are written.
#include <algorithm>

#include "ca/table.h"
#include "ca/who_can.h"

namespace ca {
namespace {

using schema::Json;

std::string Quoted(const std::string& text) {
  std::string out;
  schema::AppendJsonText(text, out);
  return out;
}

std::string Joined(const std::vector<std::string>& texts, const char* between) {
  std::string out;
  for (const std::string& text : texts) {
    if (!out.empty()) out += between;
    out += text;
  }
  return out;
}

std::vector<std::string> Limits(const GrantTerms& terms) {
  std::vector<std::string> out;
  out.push_back("keys: " + (terms.keys.empty() ? "all" : Joined(terms.keys, ", ")));
  out.push_back("lifetime: " + (terms.lifetime ? schema::FormatDuration(*terms.lifetime)
                                               : std::string("the CA's")));
  out.push_back(std::to_string(terms.per_token) + " per token");
  if (terms.per_run) out.push_back(std::to_string(*terms.per_run) + " per run");
  if (terms.per_identity) {
    out.push_back(std::to_string(terms.per_identity->count) + " per identity in " +
                  schema::FormatDuration(terms.per_identity->within));
  }
  return out;
}

std::vector<std::string> Words(const std::vector<const Condition*>& conditions) {
  std::vector<std::string> out;
  for (const Condition* condition : conditions) out.push_back(InWords(*condition));
  return out;
}

std::string State(const WhoAnswer& answer) {
  if (answer.refused()) return "no";
  if (answer.expired) return "expired";
  if (answer.rule->mode == Mode::kAudit) return "audit";
  return answer.only_if.empty() && answer.denied.empty() ? "yes" : "if";
}

constexpr std::size_t kWidth = 72;

// Lists of values over several lines, so that a terminal shows what stands beside them.
std::vector<std::string> Wrapped(const std::vector<std::string>& lines) {
  constexpr std::string_view kNext = " or \"";
  std::vector<std::string> out;
  for (std::string line : lines) {
    std::size_t cut = line.rfind(kNext, kWidth);
    while (line.size() > kWidth && cut != std::string::npos) {
      out.push_back(line.substr(0, cut));
      line = "    " + line.substr(cut + 1);
      cut = line.rfind(kNext, kWidth);
    }
    out.push_back(std::move(line));
  }
  return out;
}

// What a reader must know besides the rule's name.
std::vector<std::string> Who(const WhoAnswer& answer) {
  std::vector<std::string> lines;
  const char* between = "";
  if (answer.rule->all) lines.emplace_back("every token of the issuer");
  for (const std::string& text : Words(answer.known)) {
    lines.push_back(between + text + " ✓");
    between = "and ";
  }
  for (const std::string& text : Words(answer.only_if)) {
    lines.push_back(between + text);
    between = "and ";
  }
  for (const WhoDenied& denied : answer.denied) {
    const std::string id = "deny rule " + denied.rule->id;
    lines.push_back(denied.unless.empty()
                        ? "refused by " + id
                        : "unless " + Joined(Words(denied.unless), " and ") + " (" + id + ")");
  }
  return lines;
}

std::vector<std::string> About(const WhoAnswer& answer) {
  std::vector<std::string> lines = {answer.rule->id};
  if (!answer.rule->owner.empty()) lines.push_back("owner " + answer.rule->owner);
  if (!answer.rule->ticket.empty()) lines.push_back(answer.rule->ticket);
  if (answer.rule->expires) {
    lines.push_back("until " + schema::Rfc3339(*answer.rule->expires).substr(0, 10));
  }
  return lines;
}

Json ConditionsJson(const std::vector<const Condition*>& conditions) {
  Json out = Json::array();
  for (const Condition* condition : conditions) {
    out.push_back({{"claim", condition->claim()}, {"wanted", WantedText(*condition)}});
  }
  return out;
}

Json AnswerJson(const WhoAnswer& answer) {
  const Rule& rule = *answer.rule;
  Json denied = Json::array();
  for (const WhoDenied& one : answer.denied) {
    denied.push_back({{"rule", one.rule->id}, {"if", ConditionsJson(one.unless)}});
  }
  Json limits = {{"per_token", rule.grant.per_token}};
  if (rule.grant.per_run) limits["per_run"] = *rule.grant.per_run;
  if (rule.grant.per_identity) {
    limits["per_identity"] = {{"count", rule.grant.per_identity->count},
                              {"within_seconds", rule.grant.per_identity->within.count()}};
  }
  const auto text = [](const std::string& t) { return t.empty() ? Json(nullptr) : Json(t); };
  return {{"rule", rule.id},
          {"line", rule.line},
          {"can", State(answer)},
          {"issuer", answer.issuer->url},
          {"issuer_name", answer.issuer->name},
          {"description", text(rule.description)},
          {"owner", text(rule.owner)},
          {"ticket", text(rule.ticket)},
          {"expires", rule.expires ? Json(schema::Rfc3339(*rule.expires)) : Json(nullptr)},
          {"mode", ModeName(rule.mode)},
          {"all", rule.all},
          {"known", ConditionsJson(answer.known)},
          {"if", ConditionsJson(answer.only_if)},
          {"denied", std::move(denied)},
          {"keys", rule.grant.keys.empty() ? Json("all") : Json(rule.grant.keys)},
          {"lifetime_seconds",
           rule.grant.lifetime ? Json(rule.grant.lifetime->count()) : Json(nullptr)},
          {"limits", std::move(limits)}};
}

}  // namespace

std::string InWords(const Condition& condition) {
  std::vector<std::string> values;
  for (const std::string& value : condition.values()) values.push_back(Quoted(value));
  switch (condition.op()) {
    case Condition::Operator::kExact:
      return condition.claim() + " is " + values.front();
    case Condition::Operator::kAny:
      return condition.claim() + " is " + Joined(values, " or ");
    case Condition::Operator::kGlob:
      return condition.claim() + " is like " + values.front();
    case Condition::Operator::kRegex:
      return condition.claim() + " fits the regex " + values.front();
    case Condition::Operator::kAbsent:
      return condition.claim() + " is not there";
  }
  MUST(false);
}

std::string WhoText(const Policy& policy, const std::vector<WhoAnswer>& answers) {
  if (answers.empty()) return "nobody: no allow rule can match\n";
  std::vector<table::Row> rows = {{{"CAN SIGN"}, {"RULE"}, {"ISSUER"}, {"WHO"}, {"TERMS"}}};
  for (const WhoAnswer& answer : answers) {
    rows.push_back({{}, {}, {}, {}, {""}});
    rows.push_back({{State(answer)},
                    About(answer),
                    {answer.issuer->name},
                    Wrapped(Who(answer)),
                    Limits(answer.rule->grant)});
  }
  return table::Print(std::move(rows)) + "\nEverybody else is refused. Policy " + policy.digest() +
         "\n";
}

Json WhoJson(const Policy& policy, const std::vector<WhoAnswer>& answers) {
  Json list = Json::array();
  for (const WhoAnswer& answer : answers) list.push_back(AnswerJson(answer));
  return {{"policy_digest", policy.digest()}, {"answers", std::move(list)}};
}

}  // namespace ca
