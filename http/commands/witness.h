// `chancery witness`: a witness that another team runs, and the keys both sides need.
#pragma once

#include <CLI/CLI.hpp>

namespace http {

void RegisterWitness(CLI::App& app, int& exit_code);

}  // namespace http
