// The limits of a rule's grant as budgets that the sequencer counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ca/grant_terms.h"
#include "ca/log/terms.h"
#include "schema/base/result.h"
#include "schema/identity.h"

namespace ca {

// kPolicy: the rule counts certificates per run and the token does not name its run
extern const schema::ErrorKind kRunUnknown;

// `per-run` and `per-identity`, each counted for this rule alone; empty for most rules.
//
//   kind  schema/vocabulary.h: which claims together name a run. A kind that knows no runs counts
//         each token as one.
//
// kRunUnknown  one of those claims is missing, null, or not a string, number or boolean
schema::Result<std::vector<Budget>> BudgetsOf(const GrantTerms& terms, const std::string& rule,
                                              std::string_view kind,
                                              const schema::Identity& identity);

}  // namespace ca
