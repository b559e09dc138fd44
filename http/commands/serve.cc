#include "http/commands/serve.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "hsm/commands.h"
#include "hsm/custody.h"
#include "http/commands/compat_flag.h"
#include "http/house.h"
#include "http/journal.h"
#include "http/server.h"
#include "schema/base/file.h"

namespace http {
namespace {

using schema::Error;
using schema::Outcome;
using schema::Result;

constexpr int kExitFailed = 1;

const schema::ErrorKind kNeedsRestart{"needs-restart", schema::Fault::kUs,
                                      "this setting is taken up by a restart alone"};

// An endpoint of the configuration, what answers there, and with how many threads. A connection
// stays on one thread, number fd % threads: of 64 keep-alive clients no two wait for each other.
struct Endpoint {
  const char* key;
  schema::Endpoint schema::ListenSettings::*address;
  Answers (House::*answers)();
  int threads;
};
constexpr Endpoint kEndpoints[] = {
    {"listen.public", &schema::ListenSettings::public_api, &House::PublicAnswers, 64},
    {"listen.log", &schema::ListenSettings::log, &House::LogAnswers, 8},
    {"listen.internal", &schema::ListenSettings::internal, &House::InternalAnswers, 4},
};

void Refused(const Ground& ground, const char* event, const Error& error) {
  ground.journal.Error(event, {{"config", ground.file}, {"reason", error.Describe()}});
}

using Servers = std::vector<std::unique_ptr<Server>>;

Result<Servers> Listen(House& house, schema::Journal& journal) {
  Servers servers;
  for (const Endpoint& endpoint : kEndpoints) {
    ServerOptions options;
    options.threads = endpoint.threads;
    auto server = Server::Start(house.config().listen.*endpoint.address,
                                (house.*endpoint.answers)(), journal, options);
    if (!server) {
      Error error = std::move(server).error();
      error.detail = std::string(endpoint.key) + ": " + error.detail;
      return error;
    }
    servers.push_back(*std::move(server));
  }
  return servers;
}

void PutAnswers(House& house, const Servers& servers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) servers[i]->Put((house.*kEndpoints[i].answers)());
}

// Most mistakes are found while the old configuration serves, and cost nothing.
Outcome Acceptable(const Ground& ground, const House& house, const std::string& text) {
  TRY(const schema::Config config, house.Accepts(ground, text));
  for (const Endpoint& endpoint : kEndpoints) {
    const std::string now = (house.config().listen.*endpoint.address).Text();
    if ((config.listen.*endpoint.address).Text() != now) {
      return Error{&kNeedsRestart, std::string(endpoint.key) + ": this server listens at " + now};
    }
  }
  return schema::Ok();
}

// The house is built anew behind the open endpoints; where the new configuration does not fit, from
// the old one. An error: there is no house any more.
Outcome TakeUp(const Ground& ground, const std::string& text, const Servers& servers,
               std::unique_ptr<House>& house) {
  if (const auto acceptable = Acceptable(ground, *house, text); !acceptable) {
    Refused(ground, "configuration-refused", acceptable.error());
    return schema::Ok();
  }
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i]->Withdraw(Server::kDrain)) continue;
    PutAnswers(*house, servers, i);
    Refused(ground, "configuration-refused",
            Error{&kStopTimedOut, std::string(kEndpoints[i].key) + ": the old one serves on"});
    return schema::Ok();
  }
  const std::string before = house->config().text;
  house.reset();
  auto built = House::Build(ground, text);
  if (built) {
    ground.journal.Info("configuration-changed", {{"config", ground.file}});
  } else {
    Refused(ground, "configuration-refused", built.error());
    built = House::Build(ground, before);
  }
  TRY(house, std::move(built));
  PutAnswers(*house, servers, servers.size());
  house->Start();
  return schema::Ok();
}

// SIGHUP: the files are read again, also the configuration. Returns the signal that ends the
// program, or why it cannot go on.
Result<int> WaitForStop(const Ground& ground, const sigset_t& signals, const Servers& servers,
                        std::unique_ptr<House>& house) {
  while (true) {
    int number = 0;
    sigwait(&signals, &number);
    if (number != SIGHUP) return number;
    ground.journal.Info("reload-asked", {{"signal", "SIGHUP"}});
    const auto text = schema::ReadFile(ground.file);
    if (!text) {
      Refused(ground, "configuration-refused", text.error());
    } else if (*text == house->config().text) {
      house->AskReload();
    } else {
      sd_notify(0, "RELOADING=1");
      TRY(TakeUp(ground, *text, servers, house));
      sd_notify(0, "READY=1");
    }
  }
}

Result<std::unique_ptr<House>> Build(const Ground& ground) {
  TRY(const std::string text, schema::ReadFile(ground.file));
  return House::Build(ground, text);
}

int RefuseStart(const Ground& ground, const Error& error) {
  Refused(ground, "start-refused", error);
  std::fprintf(stderr, "chancery: cannot serve %s: %s\n", ground.file.c_str(),
               error.Describe().c_str());
  return error.Is(hsm::kPinRefused) ? hsm::kExitPinRefused : kExitFailed;
}

int Serve(const std::string& file, const std::filesystem::path& program, const oidc::Rules& rules) {
  // Before any thread: all inherit the mask, and only sigwait below takes these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  OperatorLog journal;
  const Ground ground{file, program, rules, journal};
  auto house = Build(ground);
  if (!house) return RefuseStart(ground, house.error());
  auto servers = Listen(**house, journal);
  if (!servers) return RefuseStart(ground, servers.error());
  (*house)->Start();
  journal.Info("serving", {{"public", (*servers)[0]->address().Text()},
                           {"log", (*servers)[1]->address().Text()},
                           {"internal", (*servers)[2]->address().Text()}});
  sd_notify(0, "READY=1");

  const auto stop = WaitForStop(ground, signals, *servers, *house);
  // Nothing is left to take down, and requests that wait for it would hold the sockets up.
  if (!stop) std::_Exit(RefuseStart(ground, stop.error()));
  sd_notify(0, "STOPPING=1");
  journal.Info("stopping", {{"signal", *stop == SIGTERM ? "SIGTERM" : "SIGINT"}});
  (*house)->StopReload();
  // New connections first, then what is under way, then the log.
  for (const auto& server : *servers) {
    if (const auto stopped = server->Stop(Server::kDrain); !stopped) {
      // A route never came back and still uses the house: leave it standing. Every entry it
      // answered for is durable.
      journal.Error("stop-forced", {{"reason", stopped.error().Describe()}});
      std::_Exit(kExitFailed);
    }
  }
  servers->clear();
  house->reset();
  journal.Info("stopped");
  return 0;
}

}  // namespace

void RegisterServe(CLI::App& app, const char* program, int& exit_code) {
  CLI::App* serve =
      app.add_subcommand("serve", "Serve the signing API, the logs and the internal pages");
  serve->footer(
      "Stops on SIGTERM or SIGINT after answering what is under way. Exits 77 when a PIN was "
      "refused.\n"
      "The issuers and policy files are read again when they change, and on SIGHUP; a broken one "
      "is refused, and the old one serves on (/readyz says so).\n"
      "A changed chancery.yaml is taken up on SIGHUP alone: requests wait meanwhile, none is "
      "refused. One that does not fit is refused with the reason in the operator's log, and the "
      "old one serves on. Only an address of `listen` needs a restart.\n\n"
      "Example:\n  chancery serve --config /etc/chancery/chancery.yaml");
  auto file = std::make_shared<std::string>();
  serve->add_option("--config", *file, "chancery.yaml; its relative paths start at its own folder")
      ->required()
      ->check(CLI::ExistingFile);
  const auto compat = std::make_shared<bool>(false);
  AddFulcioCompat(*serve, *compat);
  serve->callback(
      [file, compat, program, &exit_code] { exit_code = Serve(*file, program, RulesOf(*compat)); });
}

}  // namespace http
