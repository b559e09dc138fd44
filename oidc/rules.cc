#include "oidc/rules.h"

namespace oidc {
namespace {

struct Sacrifice {
  bool Rules::*rule;
  std::string_view text;
};

constexpr Sacrifice kSacrifices[] = {
    {&Rules::claims_replace_constants,
     "a token's claim replaces the constant of the same name in default-template-values"},
    {&Rules::null_is_text, "a claim that is null becomes the text <nil>"},
    {&Rules::absent_is_empty,
     "a claim that `index` does not find, and a missing namespace or service account, become "
     "nothing: identities with empty parts"},
    {&Rules::empty_parts, "an empty claim may leave an empty part in an identity"},
    {&Rules::inexact_values, "numbers beyond 2^53 lose digits; lists and maps become text"},
    {&Rules::foreign_hosts,
     "self-managed GitHub and GitLab hosts get the URLs of github.com and gitlab.com"},
    {&Rules::lenient_keys, "unknown keys and a contradicting challenge-claim are ignored"},
    {&Rules::unchecked_subjects,
     "GitHub's sub is not compared with the repository, its owner and their ids"},
    {&Rules::merge_request_tokens,
     "GitLab's merge request tokens are taken, whose project_* may name a fork"},
};

}  // namespace

std::vector<std::string_view> GivenUp(const Rules& rules) {
  std::vector<std::string_view> out;
  for (const Sacrifice& sacrifice : kSacrifices) {
    if (rules.*sacrifice.rule) out.push_back(sacrifice.text);
  }
  return out;
}

}  // namespace oidc
