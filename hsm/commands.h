// `chancery signer`: started by `serve`, never by hand.
#pragma once

#include <CLI/CLI.hpp>

namespace hsm {

void RegisterSigner(CLI::App& app, int& exit_code);

}  // namespace hsm
