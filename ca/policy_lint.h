// What is wrong with a policy that parses: rules that let strangers in, that never match, that have
// no effect, or that nobody answers for. Policy alone; no token, no issuers.yaml.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ca/policy.h"
#include "schema/base/json.h"
#include "schema/base/time.h"

namespace ca {

enum class Severity : std::uint8_t { kError, kWarning };

struct LintFinding {
  std::string_view code;  // stable, kebab-case; the table is in ca/README.md
  Severity severity;
  std::string rule;  // id; "issuers.NAME" for what is about an issuer; empty: the whole file
  int line;          // 1-based; 0: the whole file
  std::string why;   // with what to write instead
};

// In order of line, then code. `now` is for `expires`.
std::vector<LintFinding> LintPolicy(const Policy& policy, schema::Time now);

// `policy lint`: the findings of a file's text; one that does not parse has the one finding
// "bad-policy".
std::vector<LintFinding> LintText(std::string_view text, schema::Time now);

bool HasErrors(const std::vector<LintFinding>& findings);
// "FILE:LINE: error: CODE: RULE: why" lines; safe for a terminal.
std::string LintReport(const std::string& file, const std::vector<LintFinding>& findings);
schema::Json LintJson(const std::string& file, const std::vector<LintFinding>& findings);

}  // namespace ca
