// `chancery`: composes the commands of the folders; what each does is theirs.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>

#include "ca/ceremony/commands.h"
#include "ca/commands.h"
#include "ca/policy_commands.h"
#include "ca/rotate_commands.h"
#include "hsm/commands.h"
#include "http/commands/config_check.h"
#include "http/commands/log_verify.h"
#include "http/commands/serve.h"
#include "http/commands/token_inspect.h"
#include "http/commands/trust_export.h"
#include "http/commands/trust_tuf.h"
#include "http/commands/witness.h"
#include "http/journal.h"

int main(int argc, char** argv) {
  CLI::App app{
      "Chancery: a private keyless certificate authority. CI tokens in, logged ten-minute "
      "certificates out.",
      "chancery"};
  app.set_version_flag("--version", CHANCERY_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  int exit_code = 0;
  // The signers run this same file; /proc survives a relative argv[0] and a replaced binary.
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  http::RegisterServe(app, program.c_str(), exit_code);
  hsm::RegisterSigner(
      app, program, [] { return std::make_unique<http::OperatorLog>(); }, exit_code);
  hsm::RegisterHsm(app, program, exit_code);
  ca::RegisterCeremony(app, program, exit_code);
  ca::RegisterLogCommands(app, exit_code);
  ca::RegisterPolicyCommands(app, exit_code);
  http::RegisterLogVerify(app, exit_code);
  ca::RegisterRotate(app, exit_code);
  CLI::App* trust = app.add_subcommand("trust", "Trust material for verifiers");
  trust->require_subcommand(1);
  http::RegisterTrustExport(*trust, exit_code);
  http::RegisterTrustTuf(*trust, exit_code);
  http::RegisterConfigCheck(app, exit_code);
  http::RegisterTokenInspect(app, exit_code);
  http::RegisterWitness(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 2: wrong usage, as everywhere
  }
  return exit_code;
}
