// A policy as it was compiled: what Policy and its Decisions share. Inside ca.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ca/rule.h"

namespace ca {

// A rule with what was looked up at load: which payload member each condition reads, so that a
// decision finds each claim once, however many rules ask for it.
struct CompiledRule {
  std::vector<bool> issuers;  // by position in PolicyContent::issuers; empty: every one
  std::vector<std::uint16_t> when_claims;  // positions in PolicyContent::claims
  std::vector<std::uint16_t> grant_claims;
};

struct PolicyContent {
  std::string digest;
  std::vector<PolicyIssuer> issuers;
  std::map<std::string, std::size_t, std::less<>> by_url;  // position in issuers
  std::vector<Rule> deny;
  std::vector<Rule> allow;
  std::vector<std::string> claims;  // every claim that a condition reads, once
  std::vector<CompiledRule> compiled_deny;
  std::vector<CompiledRule> compiled_allow;
};

}  // namespace ca
