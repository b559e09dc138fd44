// Whom an allow rule lets in: without an id that nobody else can get, strangers.
#include <algorithm>

#include "ca/cover.h"
#include "ca/issuer_kind.h"
#include "ca/lint_rules.h"
#include "schema/base/document.h"

namespace ca::lint {
namespace {

using Operator = Condition::Operator;

bool IsIn(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

std::string Listed(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

// One of a few values, written out. A pattern over ids lets in ids that are given out later.
bool PinsId(const Condition& condition) {
  const bool literal = condition.op() == Operator::kExact || condition.op() == Operator::kAny ||
                       (condition.op() == Operator::kGlob &&
                        condition.values().front().find('*') == std::string::npos);
  return literal && std::ranges::none_of(condition.values(), &std::string::empty);
}

bool PinsName(const Condition& condition) {
  return condition.op() != Operator::kAbsent && !MatchesAnything(condition);
}

// What a rule for an e-mail issuer may name: addresses and domains are given away again too.
constexpr std::string_view kEmailNames[] = {"email", "hd"};

std::span<const std::string_view> NamesOf(const schema::Vocabulary& vocabulary) {
  return vocabulary.kind == "email" ? std::span<const std::string_view>(kEmailNames)
                                    : vocabulary.names;
}

struct Pins {
  bool id = false;
  const Condition* name = nullptr;
};
Pins PinsOf(const Rule& rule, const schema::Vocabulary& vocabulary) {
  Pins pins;
  for (const Condition* condition : AllOf(rule)) {
    if (IsIn(vocabulary.owner_ids, condition->claim())) {
      pins.id = pins.id || PinsId(*condition);
    } else if (IsIn(NamesOf(vocabulary), condition->claim()) && PinsName(*condition)) {
      pins.name = condition;
    }
  }
  return pins;
}

void CheckPins(const Context& context, const Rule& rule, const PolicyIssuer& issuer,
               const schema::Vocabulary& vocabulary) {
  if (vocabulary.owner_ids.empty()) return;
  const Pins pins = PinsOf(rule, vocabulary);
  if (pins.id) return;
  const std::string ids = Listed(vocabulary.owner_ids);
  if (pins.name != nullptr) {
    // An address of one's own domain is what people know; its `sub` is not.
    const bool error = IsPublic(issuer.url) && vocabulary.kind != "email";
    context.Add(error ? Severity::kError : Severity::kWarning, "name-only", rule, pins.name->line(),
                "`" + pins.name->claim() +
                    "` is a name that can be given up and taken by somebody else; also want one "
                    "of " +
                    ids);
    return;
  }
  if (!vocabulary.shared) return;
  const bool error = IsPublic(issuer.url);
  context.Add(error ? Severity::kError : Severity::kWarning, "no-owner-id", rule, rule.line,
              "wants no id of an owner: " + std::string(error ? "anybody at " : "every team at ") +
                  issuer.url + " can meet it; want one of " + ids);
}

Condition Exactly(const std::string& claim, std::string_view value) {
  const auto node = schema::ParseDocument("\"" + std::string(value) + "\"");
  MUST(node.has_value());
  auto condition = Condition::Parse(claim, *node);
  MUST(condition.has_value());
  return *std::move(condition);
}

// A request with this event is refused: the rule itself or a deny rule excludes it.
bool Excludes(const Context& context, const Rule& rule, const std::string& url,
              const Condition& event) {
  Conditions conditions = AllOf(rule);
  for (const Condition* condition : conditions) {
    if (condition->claim() != event.claim()) continue;
    if (condition->op() == Operator::kAbsent || !condition->MatchesText(event.values().front())) {
      return true;
    }
  }
  conditions.push_back(&event);
  return std::ranges::any_of(context.policy.deny(),
                             [&](const Rule& deny) { return Refuses(deny, {url}, conditions); });
}

}  // namespace

void CheckIdentity(const Context& context, const Rule& rule) {
  for (const std::string& url : rule.issuers) {
    const PolicyIssuer* issuer = FindIssuer(context.policy.issuers(), url);
    const schema::Vocabulary* vocabulary = issuer != nullptr ? VocabularyOf(*issuer) : nullptr;
    const bool is_public = IsPublic(url);
    if (rule.all) {
      if (is_public || (vocabulary != nullptr && vocabulary->shared)) {
        context.Add(is_public ? Severity::kError : Severity::kWarning, "all-on-shared", rule,
                    rule.line,
                    "`when: all` lets in every token of " + url +
                        ", whoever owns the repository; say whose with an id");
      }
      continue;
    }
    if (vocabulary != nullptr) CheckPins(context, rule, *issuer, *vocabulary);
  }
}

void CheckEvents(const Context& context, const Rule& rule) {
  for (const std::string& url : rule.issuers) {
    const PolicyIssuer* issuer = FindIssuer(context.policy.issuers(), url);
    const schema::Vocabulary* vocabulary = issuer != nullptr ? VocabularyOf(*issuer) : nullptr;
    if (vocabulary == nullptr) continue;
    if (vocabulary->kind == "gitlab-pipeline" &&
        !Excludes(context, rule, url, Exactly("pipeline_source", "merge_request_event"))) {
      context.Error("merge-requests", rule, rule.line,
                    "also allows merge requests, in which project_id may be a fork's; add a deny "
                    "rule with `pipeline_source: merge_request_event`");
    }
    if (vocabulary->kind == "github-workflow" &&
        !Excludes(context, rule, url, Exactly("event_name", "pull_request_target"))) {
      context.Warn("fork-events", rule, rule.line,
                   "also allows pull_request_target, which strangers' pull requests cause; add a "
                   "deny rule with `event_name`, or say here which events may sign");
    }
  }
}

}  // namespace ca::lint
