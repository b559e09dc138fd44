// `chancery ceremony run | verify`.
#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>

namespace ca {

// `program`: this file, whose digest goes into the transcript.
void RegisterCeremony(CLI::App& app, const std::filesystem::path& program, int& exit_code);

}  // namespace ca
