// `chancery serve`: puts the house together, serves until SIGTERM, drains and ends.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

// Exit codes beside 0: 1 the configuration or a part of the house does not fit (the message names
// the key), 77 a PIN was refused (for RestartPreventExitStatus: trying again would lock the token).
void RegisterServe(CLI::App& app, const char* program, int& exit_code);

}  // namespace http
