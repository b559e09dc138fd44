// `chancery trust export`: the trust documents as files, without asking a running server.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

void RegisterTrustExport(CLI::App& app, int& exit_code);

}  // namespace http
