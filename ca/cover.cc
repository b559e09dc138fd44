#include "ca/cover.h"

#include <algorithm>
#include <string_view>

namespace ca {
namespace {

using Operator = Condition::Operator;

bool ImpliesOne(const Condition& narrow, const Condition& wide) {
  if (narrow.claim() != wide.claim()) return false;
  if (narrow.op() == Operator::kAbsent || wide.op() == Operator::kAbsent) {
    return narrow.op() == wide.op();
  }
  if (narrow.op() == wide.op() && narrow.values() == wide.values()) return true;
  switch (narrow.op()) {
    case Operator::kExact:
    case Operator::kAny:
      return std::ranges::all_of(narrow.values(),
                                 [&](const std::string& value) { return wide.MatchesText(value); });
    case Operator::kGlob:
      // A star of `narrow` read as a character can only be met by a star of `wide`, which meets
      // whatever the star may stand for as well.
      return wide.op() == Operator::kGlob && wide.MatchesText(narrow.values().front());
    case Operator::kRegex:
    case Operator::kAbsent:
      break;
  }
  return false;
}

bool KeysWithin(const Rule& later, const Rule& earlier) {
  const std::vector<std::string>& wide = earlier.grant.keys;
  const std::vector<std::string>& narrow = later.grant.keys;
  if (wide.empty()) return true;
  return !narrow.empty() && std::ranges::all_of(narrow, [&](const std::string& key) {
    return std::ranges::find(wide, key) != wide.end();
  });
}

}  // namespace

Conditions AllOf(const Rule& rule) {
  Conditions out;
  for (const Condition& condition : rule.when) out.push_back(&condition);
  for (const Condition& condition : rule.grant.when) out.push_back(&condition);
  return out;
}

bool Implies(const Conditions& narrow, const Condition& wide) {
  return std::ranges::any_of(narrow, [&](const Condition* one) { return ImpliesOne(*one, wide); });
}

bool ImpliesAll(const Conditions& narrow, const Conditions& wide) {
  return std::ranges::all_of(wide, [&](const Condition* one) { return Implies(narrow, *one); });
}

bool AppliesToAll(const Rule& rule, const std::vector<std::string>& urls) {
  if (rule.issuers.empty()) return rule.effect == Effect::kDeny;
  return std::ranges::all_of(urls, [&](const std::string& url) {
    return std::ranges::find(rule.issuers, url) != rule.issuers.end();
  });
}

bool Refuses(const Rule& deny, const std::vector<std::string>& urls, const Conditions& conditions) {
  return deny.mode == Mode::kEnforce && AppliesToAll(deny, urls) &&
         ImpliesAll(conditions, AllOf(deny));
}

bool Shadows(const Rule& earlier, const Rule& later) {
  if (earlier.mode == Mode::kAudit || !AppliesToAll(earlier, later.issuers)) return false;
  if (earlier.expires && (!later.expires || *earlier.expires < *later.expires)) return false;
  return KeysWithin(later, earlier) && ImpliesAll(AllOf(later), AllOf(earlier));
}

bool MatchesAnything(const Condition& condition) {
  if (condition.op() == Operator::kGlob) {
    return condition.values().front().find_first_not_of("*/") == std::string::npos;
  }
  if (condition.op() != Operator::kRegex) return false;
  // A pattern that takes all of these was not written to tell anything apart.
  constexpr std::string_view kUnlike[] = {
      "q", "Zz-9_", "refs/heads/k.x@7", "https://[::1]:8/%7E?a=b#c", "\xc3\xa9 \"\\;|&", "~~//~~"};
  const bool slashes = std::ranges::all_of(
      kUnlike, [&](std::string_view text) { return condition.MatchesText(text); });
  const bool segments = condition.MatchesText("q") && condition.MatchesText("Zz-9_.~@:%?#") &&
                        condition.MatchesText("\xc3\xa9 \"\\;|&");
  return slashes || segments;
}

}  // namespace ca
