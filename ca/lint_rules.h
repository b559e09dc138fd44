// The checks behind policy_lint.h, each about one rule. Inside ca.
#pragma once

#include <vector>

#include "ca/policy.h"
#include "ca/policy_lint.h"

namespace ca::lint {

struct Context {
  const Policy& policy;
  schema::Time now;
  std::vector<LintFinding>* findings;

  void Error(std::string_view code, const Rule& rule, int line, std::string why) const;
  void Warn(std::string_view code, const Rule& rule, int line, std::string why) const;
  void Add(Severity severity, std::string_view code, const Rule& rule, int line,
           std::string why) const;
};

// lint_identity.cc: whom an allow rule lets in.
void CheckIdentity(const Context& context, const Rule& rule);
void CheckEvents(const Context& context, const Rule& rule);

// lint_conditions.cc: what single conditions say, of any rule.
void CheckConditions(const Context& context, const Rule& rule);

// lint_reach.cc: rules that have no effect.
void CheckReach(const Context& context, const Rule& rule);

}  // namespace ca::lint
