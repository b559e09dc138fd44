// `chancery log search`, `show` and `export`: read the state directory, beside a running server or
// after it. None touches a key.
#pragma once

#include <CLI/CLI.hpp>

namespace ca {

// `exit_code` is set to 1 when a command could not answer, or what it showed does not verify.
void RegisterLogCommands(CLI::App& app, int& exit_code);

}  // namespace ca
