#include "hsm/commands.h"

#include <memory>
#include <string>

#include "hsm/pin_prompt.h"
#include "hsm/signer.h"

namespace hsm {

void RegisterSigner(CLI::App& app, int& exit_code) {
  struct Options {
    std::string config, role, asks_for;
    int fd = -1, pin_fd = -1;
  };
  auto options = std::make_shared<Options>();
  CLI::App* signer = app.add_subcommand("signer", "Holds the keys for `serve`, which starts it");
  CLI::Option* config = signer->add_option("--config", options->config, "chancery.yaml");
  CLI::Option* role = signer->add_option("--role", options->role, "issuing or log")
                          ->check(CLI::IsMember({"issuing", "log"}));
  signer->add_option("--fd", options->fd, "the socket to `serve`")->required();
  signer->add_option("--pin-fd", options->pin_fd, "the PIN that a person entered, a file");
  CLI::Option* ask =
      signer
          ->add_option("--ask-pin", options->asks_for,
                       "ask for the PIN of this at the terminal, write it to --fd, and end")
          ->excludes(config)
          ->excludes(role);
  signer->callback([options, config, role, ask, &exit_code] {
    if (ask->count() > 0) {
      exit_code = RunAsker(options->asks_for, options->fd);
      return;
    }
    for (const CLI::Option* needed : {config, role}) {
      if (needed->count() == 0) throw CLI::RequiredError(needed->get_name());
    }
    exit_code = RunSigner(options->config, options->role, options->fd, options->pin_fd);
  });
}

}  // namespace hsm
