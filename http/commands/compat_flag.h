// `--fulcio-compat`, for the commands that read the issuers file.
#pragma once

#include <CLI/CLI.hpp>

#include "oidc/rules.h"

namespace http {

inline void AddFulcioCompat(CLI::App& command, bool& compat) {
  command.add_flag("--fulcio-compat", compat,
                   "Read the issuers file and its tokens as Fulcio does, traps included; what that "
                   "gives up is a warning each");
}

inline oidc::Rules RulesOf(bool compat) {
  return compat ? oidc::kFulcioRules : oidc::kChanceryRules;
}

}  // namespace http
