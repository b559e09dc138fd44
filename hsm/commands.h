// `chancery signer`, alone or as the supervisor of others, and `chancery hsm list | generate |
// doctor | bench`.
#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>
#include <functional>
#include <memory>

#include "schema/base/journal.h"

namespace hsm {

// A command ends with it when a token refused its PIN (EX_NOPERM): the service manager must not
// start it again (RestartPreventExitStatus=), as each start is one try less.
inline constexpr int kExitPinRefused = 77;

// `program` is what a supervisor starts as signers: this file. `open_journal`: where it writes.
void RegisterSigner(CLI::App& app, const std::filesystem::path& program,
                    std::function<std::unique_ptr<schema::Journal>()> open_journal, int& exit_code);

// `program` is what bench starts as signers: this file.
void RegisterHsm(CLI::App& app, const std::filesystem::path& program, int& exit_code);

}  // namespace hsm
