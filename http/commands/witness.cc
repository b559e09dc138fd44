#include "http/commands/witness.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "ca/log/stored_keys.h"
#include "hsm/file_key.h"
#include "http/journal.h"
#include "http/server.h"
#include "http/witness_routes.h"
#include "schema/base/file.h"
#include "schema/config.h"

namespace http {
namespace {

using schema::NoteKeyType;
using schema::Outcome;
using schema::Result;
using schema::VerifierKey;

constexpr int kThreads = 4;

struct KeygenOptions {
  std::string key, name;
};
struct ServeOptions {
  std::string key, name, state, listen = "127.0.0.1:7380";
  std::vector<std::string> logs;
};

Outcome CheckName(const std::string& name) {
  if (schema::IsNoteName(name)) return schema::Ok();
  return schema::Error{&schema::kBadVerifierKey, "a name has no spaces and no '+': " + name};
}

Outcome Keygen(const KeygenOptions& options) {
  TRY(CheckName(options.name));
  TRY(hsm::GenerateFileKey(options.key, hsm::FileKeyKind::kEd25519));
  TRY(const auto key, hsm::OpenFileKey(options.key, hsm::FileKeyKind::kEd25519));
  const VerifierKey own{options.name, NoteKeyType::kCosignature, hsm::RawEd25519(key->spki())};
  std::printf("%s\n", own.Text().c_str());
  return schema::Ok();
}

Outcome LogKeys(const std::string& file) {
  TRY(const std::string text, schema::ReadFile(file));
  TRY(const schema::Config config, schema::ParseConfig(text, file));
  TRY(const ca::LogKeys keys, ca::StoredLogKeys(config));
  const schema::LogSettings& log = config.log;
  for (const auto& [origin, key] : {std::pair(log.certificates.origin, keys.certificates_note_key),
                                    std::pair(log.events.origin, keys.events_note_key)}) {
    std::printf("%s\n", VerifierKey{origin, NoteKeyType::kEd25519, key}.Text().c_str());
  }
  return schema::Ok();
}

Result<std::vector<VerifierKey>> ReadLogs(const std::vector<std::string>& texts) {
  std::vector<VerifierKey> out;
  for (const std::string& text : texts) {
    auto key = schema::ParseVerifierKey(text);
    if (!key) {
      return schema::Error{key.error().kind, "--log " + text + ": " + key.error().detail};
    }
    if (key->type == NoteKeyType::kCosignature) {
      return schema::Error{&schema::kBadVerifierKey, "--log " + text + ": a witness's key"};
    }
    out.push_back(*std::move(key));
  }
  return out;
}

Outcome Serve(const ServeOptions& options) {
  // Before any thread: all inherit the mask, and only sigwait below takes these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  OperatorLog journal;
  const schema::SystemClock clock;
  TRY(CheckName(options.name));
  TRY(const schema::Endpoint listen, schema::ParseEndpoint(options.listen));
  TRY(const std::vector<VerifierKey> logs, ReadLogs(options.logs));
  TRY(auto key, hsm::OpenFileKey(options.key, hsm::FileKeyKind::kEd25519));
  TRY(const auto witness,
      ca::Witness::Open({options.name, options.state, logs, std::move(key), clock, journal}));
  Router router;
  AddWitnessRoutes(*witness, logs, router);
  ServerOptions server_options;
  server_options.threads = kThreads;
  TRY(const auto server,
      Server::Start(listen, {std::move(router), {}, {}}, journal, server_options));
  journal.Info("witnessing",
               {{"address", server->address().Text()}, {"key", witness->key().Text()}});
  sd_notify(0, "READY=1");
  int number = 0;
  sigwait(&signals, &number);
  sd_notify(0, "STOPPING=1");
  if (const auto stopped = server->Stop(Server::kDrain); !stopped) {
    // A route never came back and still uses the witness. What it cosigned is on disk.
    journal.Error("stop-forced", {{"reason", stopped.error().Describe()}});
    std::_Exit(1);
  }
  journal.Info("stopped");
  return schema::Ok();
}

void Say(const Outcome& done, int& exit_code) {
  if (done) return;
  std::fprintf(stderr, "chancery: %s\n", done.error().Describe().c_str());
  exit_code = 1;
}

void RegisterKeygen(CLI::App& witness, int& exit_code) {
  CLI::App* keygen = witness.add_subcommand(
      "keygen", "Make a witness's key, and print the verifier key for log.witnesses");
  keygen->footer(
      "Example:\n  chancery witness keygen --name witness.example.org/audit --key witness.key");
  const auto options = std::make_shared<KeygenOptions>();
  keygen->add_option("--name", options->name, "of the witness: a name without scheme, for ever")
      ->required();
  keygen->add_option("--key", options->key, "a new file, for the Ed25519 key, mode 0400")
      ->required();
  keygen->callback([options, &exit_code] { Say(Keygen(*options), exit_code); });
}

void RegisterLogKeys(CLI::App& witness, int& exit_code) {
  CLI::App* keys = witness.add_subcommand(
      "log-keys", "Print the verifier keys of this CA's logs, for `serve --log`");
  keys->footer("Example:\n  chancery witness log-keys --config /etc/chancery/chancery.yaml");
  const auto file = std::make_shared<std::string>();
  keys->add_option("--config", *file, "chancery.yaml")->required()->check(CLI::ExistingFile);
  keys->callback([file, &exit_code] { Say(LogKeys(*file), exit_code); });
}

void RegisterWitnessServe(CLI::App& witness, int& exit_code) {
  CLI::App* serve = witness.add_subcommand(
      "serve", "Cosign the checkpoints of these logs (c2sp.org/tlog-witness)");
  serve->footer(
      "The key stays in this process, and the state directory is what the witness knows: run it on "
      "a\nmachine that the CA's administrators cannot change, and never empty its state.\n"
      "Stops on SIGTERM or SIGINT.\n\n"
      "Example:\n  chancery witness serve --name witness.example.org/audit --key witness.key \\\n"
      "    --state /var/lib/chancery-witness --log 'ca.example.org/2026+1a2b3c4d+AZ…' \\\n"
      "    --log 'ca.example.org/events/2026+5e6f7a8b+AQ…'");
  const auto options = std::make_shared<ServeOptions>();
  serve->add_option("--name", options->name, "the name of `keygen`")->required();
  serve->add_option("--key", options->key, "the file of `keygen`")
      ->required()
      ->check(CLI::ExistingFile);
  serve->add_option("--state", options->state, "a directory; made when absent")->required();
  serve
      ->add_option("--log", options->logs,
                   "a log's verifier key, whose name is the log's origin; for each log")
      ->required();
  serve->add_option("--listen", options->listen, "address and port; TLS is a front's work")
      ->capture_default_str();
  serve->callback([options, &exit_code] { Say(Serve(*options), exit_code); });
}

}  // namespace

void RegisterWitness(CLI::App& app, int& exit_code) {
  CLI::App* witness =
      app.add_subcommand("witness", "Witness transparency logs: cosign what only grows");
  witness->require_subcommand(1);
  RegisterWitnessServe(*witness, exit_code);
  RegisterKeygen(*witness, exit_code);
  RegisterLogKeys(*witness, exit_code);
}

}  // namespace http
