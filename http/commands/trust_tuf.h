// `chancery trust tuf`: the trust documents as a TUF repository, whose root and targets are signed
// offline.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

void RegisterTrustTuf(CLI::App& trust, int& exit_code);  // under `trust`

}  // namespace http
