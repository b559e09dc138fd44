// What the commands of `chancery hsm` share. Only *_commands.cc includes it.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/config.h"

namespace hsm {

inline constexpr int kExitFailed = 1;

schema::Result<schema::Config> LoadConfig(const std::string& file);
// A token's texts are a stranger's: on a terminal they stay on their line.
std::string Shown(std::string text);
void PrintJson(const schema::Json& value);
// The exit code, or the error on stderr and its exit code.
void Finish(const schema::Result<int>& result, int& exit_code);

void AddConfig(CLI::App& command, std::string& config);
void AddFormat(CLI::App& command, std::string& format);

// `chancery hsm tokens | drain | undrain`: drain_commands.cc.
void RegisterDrain(CLI::App& hsm, int& exit_code);

}  // namespace hsm
