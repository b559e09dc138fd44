// `chancery token inspect`: at which step a token fails, why, and what to do.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

// Sets `exit_code` to 1 when a step failed and 2 when the command could not look at the token.
void RegisterTokenInspect(CLI::App& app, int& exit_code);

}  // namespace http
