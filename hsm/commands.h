// `chancery signer`, which `serve` starts, and `chancery hsm list | generate | doctor | bench`.
#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>

namespace hsm {

// A command ends with it when a token refused its PIN (EX_NOPERM): the service manager must not
// start it again (RestartPreventExitStatus=), as each start is one try less.
inline constexpr int kExitPinRefused = 77;

void RegisterSigner(CLI::App& app, int& exit_code);

// `program` is what bench starts as signers: this file.
void RegisterHsm(CLI::App& app, const std::filesystem::path& program, int& exit_code);

}  // namespace hsm
