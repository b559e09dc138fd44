// `chancery log verify`: proves both logs anew from a server, or from a directory that
// `chancery log export` wrote.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

// Belongs under `log`, which is registered before. `exit_code`: 1 when something was found, 3 when
// a file could not be read and so nothing is proved.
void RegisterLogVerify(CLI::App& app, int& exit_code);

}  // namespace http
