// `chancery signer`, which `serve` starts, and `chancery hsm list | generate | doctor | bench`.
#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>

namespace hsm {

void RegisterSigner(CLI::App& app, int& exit_code);

// `program` is what bench starts as signers: this file.
void RegisterHsm(CLI::App& app, const std::filesystem::path& program, int& exit_code);

}  // namespace hsm
