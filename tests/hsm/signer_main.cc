// `chancery signer` and `chancery hsm` alone, as the custody tests start them: the same functions,
// none of the server.
#include <CLI/CLI.hpp>

#include <filesystem>

#include "hsm/commands.h"

int main(int argc, char** argv) {
  CLI::App app;
  int exit_code = 0;
  hsm::RegisterSigner(app, exit_code);
  hsm::RegisterHsm(app, std::filesystem::read_symlink("/proc/self/exe"), exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
