#include "hsm/commands.h"

#include <string>
#include <utility>

#include "hsm/harden.h"
#include "hsm/pin_prompt.h"
#include "hsm/signer.h"
#include "hsm/supervisor.h"

namespace hsm {

namespace {

struct Options {
  std::string config, role, token, asks_for;
  int fd = -1, pin_fd = -1, config_fd = -1, parent = 0;
  bool supervise = false;
};

constexpr const char* kHelp =
    "`serve` starts its signers itself unless hsm.socket is set. Then they are this command's, "
    "with\n"
    "--supervise, as a user of its own, and `serve` has neither their PIN nor their keys: it\n"
    "connects to hsm.socket, which takes connections of the user hsm.front and of nobody else. "
    "Ends\n"
    "on SIGTERM or SIGINT after what signers were asked already is answered; `serve` waits for\n"
    "another. The other options are for the programs that use them.\n\n"
    "Example:\n  chancery signer --supervise --config /etc/chancery/chancery.yaml";

void Need(const CLI::Option* option) {
  if (option->count() == 0) throw CLI::RequiredError(option->get_name());
}

}  // namespace

void RegisterSigner(CLI::App& app, const std::filesystem::path& program,
                    std::function<std::unique_ptr<schema::Journal>()> open_journal,
                    int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* signer =
      app.add_subcommand("signer", "Holds the keys for `serve`; --supervise: a unit of its own");
  signer->footer(kHelp);
  CLI::Option* supervise = signer->add_flag("--supervise", options->supervise,
                                            "start, end and replace signers for hsm.front");
  CLI::Option* config = signer->add_option("--config", options->config, "chancery.yaml");
  CLI::Option* role =
      signer->add_option("--role", options->role, "log, issuing, or issuing:CA of ca.rotation")
          ->check(CLI::Validator(
              [](const std::string& text) {
                return ParseRole(text) ? "" : "no role of a signer: " + text;
              },
              "ROLE"))
          ->excludes(supervise);
  signer->add_option("--token", options->token, "which of those that hold its key; the first")
      ->excludes(supervise);
  CLI::Option* fd =
      signer->add_option("--fd", options->fd, "the socket to `serve`")->excludes(supervise);
  signer->add_option("--pin-fd", options->pin_fd, "the PIN that a person entered, a file")
      ->excludes(supervise);
  signer
      ->add_option("--config-fd", options->config_fd,
                   "the text of chancery.yaml that `serve` goes by, a file")
      ->excludes(supervise);
  signer->add_option("--parent", options->parent, "the process that the signer ends with")
      ->excludes(supervise);
  CLI::Option* ask =
      signer
          ->add_option("--ask-pin", options->asks_for,
                       "ask for the PIN of this at the terminal, write it to --fd, and end")
          ->excludes(config)
          ->excludes(role)
          ->excludes(supervise);
  signer->callback([=, open_journal = std::move(open_journal), &exit_code] {
    if (options->supervise) {
      Need(config);
      exit_code = RunSupervisor(options->config, program, *open_journal());
      return;
    }
    Need(fd);
    if (ask->count() > 0) {
      exit_code = RunAsker(options->asks_for, options->fd);
      return;
    }
    Need(config);
    Need(role);
    // The socket of a supervisor's signer has its other end elsewhere, and would not tell.
    if (options->parent > 0 && !DieWith(options->parent)) return;
    exit_code = RunSigner(options->config, *ParseRole(options->role), options->fd, options->pin_fd,
                          options->token, options->config_fd);
  });
}

}  // namespace hsm
