// `chancery trust export`: the trust documents as files, without asking a running server.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

void RegisterTrustExport(CLI::App& trust, int& exit_code);  // under `trust`

}  // namespace http
