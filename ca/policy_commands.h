// `chancery policy lint | test | explain | diff | who-can`: what a policy means, before it counts.
// They read files, and `diff` the state directory beside a running server; none touches a key.
#pragma once

#include <CLI/CLI.hpp>

namespace ca {

// `exit_code`: 0 nothing to report, 1 findings, failed cases, differences or a refusal, 2 an input
// that cannot be used.
void RegisterPolicyCommands(CLI::App& app, int& exit_code);

}  // namespace ca
