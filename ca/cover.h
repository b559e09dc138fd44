// Which rule leaves nothing for another: reasoning over conditions without any token. Every answer
// "yes" is certain; "no" may mean that it could not be shown (two regexes are compared by text).
#pragma once

#include <span>
#include <vector>

#include "ca/rule.h"

namespace ca {

// Conditions of a rule that all must hold.
using Conditions = std::vector<const Condition*>;
Conditions AllOf(const Rule& rule);  // `when` and `grant.when`

// Whatever meets all of `narrow` meets `wide`.
bool Implies(const Conditions& narrow, const Condition& wide);
bool ImpliesAll(const Conditions& narrow, const Conditions& wide);

// The rule is for every issuer of `urls`.
bool AppliesToAll(const Rule& rule, const std::vector<std::string>& urls);

// The enforced deny rule refuses whatever meets `conditions`, from each of these issuers.
bool Refuses(const Rule& deny, const std::vector<std::string>& urls, const Conditions& conditions);

// Whoever `later` allows, `earlier` allowed before at every time and with every key; both are allow
// rules.
bool Shadows(const Rule& earlier, const Rule& later);

// The condition holds for whatever text the claim has: `*`, `.*`, `.+`.
bool MatchesAnything(const Condition& condition);

}  // namespace ca
