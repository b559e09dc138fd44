// Allow rules that change nothing, because of another rule.
#include "ca/cover.h"
#include "ca/lint_rules.h"

namespace ca::lint {
namespace {

bool DeniedAnyway(const Context& context, const Rule& rule) {
  for (const Rule& deny : context.policy.deny()) {
    if (!Refuses(deny, rule.issuers, AllOf(rule))) continue;
    context.Error("denied-anyway", rule, rule.line,
                  "allows nothing: deny rule '" + deny.id + "' (line " + std::to_string(deny.line) +
                      ") refuses all it matches");
    return true;
  }
  return false;
}

}  // namespace

void CheckReach(const Context& context, const Rule& rule) {
  // A rule in audit mode is there to be compared.
  if (DeniedAnyway(context, rule) || rule.mode == Mode::kAudit) return;
  for (const Rule& earlier : context.policy.allow()) {
    if (&earlier == &rule) return;
    if (!Shadows(earlier, rule)) continue;
    context.Warn("shadowed", rule, rule.line,
                 "is never the one that decides: rule '" + earlier.id + "' (line " +
                     std::to_string(earlier.line) + ") allows all of it before, on its own terms");
    return;
  }
}

}  // namespace ca::lint
