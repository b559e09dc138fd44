// `chancery signer` alone, as the custody tests start it: the same function, none of the server.
#include <CLI/CLI.hpp>

#include "hsm/commands.h"

int main(int argc, char** argv) {
  CLI::App app;
  int exit_code = 0;
  hsm::RegisterSigner(app, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
