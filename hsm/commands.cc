#include "hsm/commands.h"

#include <memory>
#include <string>

#include "hsm/signer.h"

namespace hsm {

void RegisterSigner(CLI::App& app, int& exit_code) {
  struct Options {
    std::string config, role;
    int fd = -1;
  };
  auto options = std::make_shared<Options>();
  CLI::App* signer = app.add_subcommand("signer", "Holds the keys for `serve`, which starts it");
  signer->add_option("--config", options->config, "chancery.yaml")->required();
  signer->add_option("--role", options->role, "issuing or log")
      ->required()
      ->check(CLI::IsMember({"issuing", "log"}));
  signer->add_option("--fd", options->fd, "the socket to `serve`")->required();
  signer->callback([options, &exit_code] {
    exit_code = RunSigner(options->config, options->role, options->fd);
  });
}

}  // namespace hsm
