// What the commands know of a policy's issuer beside its rules: which vocabulary its claims are
// from, and whether strangers have tokens of it too.
#pragma once

#include <string_view>

#include "ca/rule.h"
#include "schema/vocabulary.h"

namespace ca {

// The vocabulary of the policy's `kind`, else that of the public issuer with this URL; nullptr when
// neither says. (At run time issuers.yaml knows better; these commands read policy.yaml alone.)
const schema::Vocabulary* VocabularyOf(const PolicyIssuer& issuer);

// One URL for everybody: token.actions.githubusercontent.com, gitlab.com, accounts.google.com.
bool IsPublic(std::string_view url);
// The one that this is a mistyped URL of; empty: of none.
std::string_view NearestPublic(std::string_view url);

// The issuer of this URL in a policy, or nullptr.
const PolicyIssuer* FindIssuer(const std::vector<PolicyIssuer>& issuers, std::string_view url);
// By its short name or its URL.
const PolicyIssuer* FindIssuerNamed(const std::vector<PolicyIssuer>& issuers, std::string_view key);

}  // namespace ca
