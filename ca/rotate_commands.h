// `chancery rotate plan, prepare, activate, retire`: edits ca.rotation, which a running server
// reads again by itself.
#pragma once

#include <CLI/CLI.hpp>

namespace ca {

// Exit codes: 0 done, 1 refused or failed, 77 a PIN was refused.
void RegisterRotate(CLI::App& app, int& exit_code);

}  // namespace ca
