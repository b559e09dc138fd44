// What single conditions say: of claims no token has, of anything at all, of forms that never
// occur.
#include <algorithm>
#include <set>

#include "ca/cover.h"
#include "ca/issuer_kind.h"
#include "ca/lint_rules.h"
#include "schema/base/nearest.h"

namespace ca::lint {
namespace {

using Operator = Condition::Operator;

// Of the issuers a rule is for; those of unknown kind have none.
struct Kinds {
  std::vector<const schema::Vocabulary*> known;
  bool complete = true;
};
Kinds KindsOf(const Context& context, const Rule& rule) {
  Kinds kinds;
  for (const PolicyIssuer& issuer : context.policy.issuers()) {
    const bool meant =
        rule.issuers.empty() || std::ranges::find(rule.issuers, issuer.url) != rule.issuers.end();
    if (!meant) continue;
    if (const schema::Vocabulary* vocabulary = VocabularyOf(issuer)) {
      if (std::ranges::find(kinds.known, vocabulary) == kinds.known.end()) {
        kinds.known.push_back(vocabulary);
      }
    } else {
      kinds.complete = false;
    }
  }
  return kinds;
}

void CheckKnown(const Context& context, const Rule& rule, const Condition& condition,
                const Kinds& kinds) {
  // Absent is what a claim from elsewhere always is.
  if (condition.op() == Operator::kAbsent || kinds.known.empty()) return;
  const std::string& claim = condition.claim();
  // A deny rule for every issuer may be about one kind only.
  const bool any_will_do = rule.effect == Effect::kDeny;
  if (any_will_do && (!kinds.complete || std::ranges::any_of(kinds.known, [&](const auto* kind) {
        return kind->open || schema::Knows(*kind, claim);
      }))) {
    return;
  }
  for (const schema::Vocabulary* kind : kinds.known) {
    if (schema::Knows(*kind, claim)) continue;
    const std::string_view near = schema::Nearest(claim, kind->claims);
    // A short claim is near to some registered one by chance.
    if (kind->open && (near.empty() || claim.size() < 5)) continue;
    std::string why = "`" + claim + "` is no claim of a " + std::string(kind->kind) + " token";
    if (!near.empty()) why.append("; did you mean `").append(near).append("`?");
    context.Warn("unknown-claim", rule, condition.line(), std::move(why));
    return;
  }
}

void CheckWildcard(const Context& context, const Rule& rule, const Condition& condition) {
  // "Is there at all" makes a deny rule wider, which is safe.
  if (rule.effect == Effect::kDeny || !MatchesAnything(condition)) return;
  context.Error(
      "wildcard", rule, condition.line(),
      "`" + condition.claim() + "` may be anything; say what it must be, or leave it out");
}

// `ref: refs/heads/*` wants a star in the claim. No platform's claim has one, so an allow rule
// allows nothing, and a deny rule denies nothing, which nobody notices.
void CheckLiteralStar(const Context& context, const Rule& rule, const Condition& condition) {
  if (condition.op() != Operator::kExact && condition.op() != Operator::kAny) return;
  const auto starred = std::ranges::find_if(condition.values(), [](const std::string& value) {
    return value.find('*') != std::string::npos;
  });
  if (starred == condition.values().end()) return;
  context.Add(rule.effect == Effect::kDeny ? Severity::kError : Severity::kWarning, "literal-star",
              rule, condition.line(),
              "`" + condition.claim() + "` is compared with the very text '" + *starred +
                  "', star and all; for a pattern write {glob: \"" + *starred + "\"}");
}

void CheckSubject(const Context& context, const Rule& rule, const Condition& condition,
                  const Kinds& kinds) {
  if (condition.claim() != "sub") return;
  if (condition.op() != Operator::kGlob && condition.op() != Operator::kRegex) return;
  // Where `sub` is put together from claims that can be had one by one.
  const bool composed = std::ranges::any_of(kinds.known, [](const schema::Vocabulary* kind) {
    return !kind->owner_ids.empty() &&
           std::ranges::find(kind->owner_ids, "sub") == kind->owner_ids.end();
  });
  if (!composed) return;
  context.Add(rule.effect == Effect::kAllow ? Severity::kError : Severity::kWarning, "sub-pattern",
              rule, condition.line(),
              "`sub` is put together from names, in a form its issuer's users can change; match "
              "the claims themselves (repository_id, ref, environment, …)");
}

// GitHub's refs begin with "refs/", alone and after the "@" of a workflow's; a value that does not
// is a rule that never matches.
void CheckRef(const Context& context, const Rule& rule, const Condition& condition,
              const Kinds& kinds) {
  if (kinds.known.size() != 1 || !kinds.complete || condition.op() == Operator::kRegex) return;
  const bool github = kinds.known.front()->kind == "github-workflow";
  const bool gitlab = kinds.known.front()->kind == "gitlab-pipeline";
  const std::string& claim = condition.claim();
  const bool plain = github && (claim == "ref" || claim == "ref_path");
  const bool after_at = (github && (claim == "job_workflow_ref" || claim == "workflow_ref")) ||
                        (gitlab && claim == "ci_config_ref_uri");
  if (!plain && !after_at) return;
  for (const std::string& value : condition.values()) {
    std::string_view ref = value;
    if (after_at) {
      const std::size_t at = value.rfind('@');
      ref = at == std::string::npos ? std::string_view() : ref.substr(at + 1);
    }
    // A workflow pinned to a commit has its hash there.
    const bool commit = after_at && ref.size() >= 40 && ref.find('*') == std::string_view::npos;
    if (ref.starts_with("refs/") || ref.starts_with("*/") || commit) continue;
    if (after_at && ref.empty()) ref = value;
    context.Warn("never-matches", rule, condition.line(),
                 "`" + claim + "`: '" + std::string(ref) +
                     "' is no ref (refs/heads/…, refs/tags/…), and `*` does not cross \"/\"");
    return;
  }
}

// Two conditions on one claim, in `when` and `grant.when`, that no text meets both of.
void CheckContradiction(const Context& context, const Rule& rule) {
  for (const Condition& one : rule.when) {
    for (const Condition& other : rule.grant.when) {
      if (one.claim() != other.claim()) continue;
      const bool listed = one.op() == Operator::kExact || one.op() == Operator::kAny;
      const bool absent = (one.op() == Operator::kAbsent) != (other.op() == Operator::kAbsent);
      const bool none = listed && other.op() != Operator::kAbsent &&
                        std::ranges::none_of(one.values(), [&](const std::string& value) {
                          return other.MatchesText(value);
                        });
      if (!absent && !none) continue;
      context.Warn("never-matches", rule, other.line(),
                   "`" + one.claim() + "` cannot be both what `when` and what `grant.when` want");
    }
  }
}

}  // namespace

void CheckConditions(const Context& context, const Rule& rule) {
  const Kinds kinds = KindsOf(context, rule);
  for (const Condition* condition : AllOf(rule)) {
    CheckKnown(context, rule, *condition, kinds);
    CheckWildcard(context, rule, *condition);
    CheckLiteralStar(context, rule, *condition);
    CheckSubject(context, rule, *condition, kinds);
    CheckRef(context, rule, *condition, kinds);
  }
  CheckContradiction(context, rule);
}

}  // namespace ca::lint
