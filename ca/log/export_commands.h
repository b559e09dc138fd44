// chancery log export.
#pragma once

#include <CLI/CLI.hpp>

namespace ca {

// Adds `export` to the command `log`.
void RegisterLogExport(CLI::App& log, int& exit_code);

}  // namespace ca
