// `chancery config check`: says what `serve` would refuse, without touching the HSM or the network.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

void RegisterConfigCheck(CLI::App& app, int& exit_code);

}  // namespace http
