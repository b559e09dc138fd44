// `chancery signer` and `chancery hsm` alone, as the custody tests start them: the same functions,
// none of the server.
#include <CLI/CLI.hpp>

#include <filesystem>

#include "hsm/commands.h"

// libp11 0.4.12 frees neither its slots nor its copy of the PIN; a signer's end does.
extern "C" const char* __lsan_default_suppressions() { return "leak:libp11\nleak:CRYPTO_strdup\n"; }

int main(int argc, char** argv) {
  CLI::App app;
  int exit_code = 0;
  hsm::RegisterSigner(app, exit_code);
  hsm::RegisterHsm(app, std::filesystem::read_symlink("/proc/self/exe"), exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
