#include "http/commands/serve.h"

#include <signal.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "ca/authority.h"
#include "hsm/commands.h"
#include "http/ca_reload.h"
#include "http/commands/compat_flag.h"
#include "http/custody_watch.h"
#include "http/fetch.h"
#include "http/internal_routes.h"
#include "http/journal.h"
#include "http/log_routes.h"
#include "http/reload.h"
#include "http/server.h"
#include "http/signing.h"
#include "http/trust_routes.h"
#include "schema/base/file.h"

namespace http {
namespace {

using schema::Error;
using schema::Result;

constexpr int kExitFailed = 1;

// An error of this setting: the message starts with the configuration key the operator has to look
// at.
template <class T>
Result<T> At(const char* key, Result<T> result) {
  if (result) return result;
  Error error = std::move(result).error();
  error.detail = std::string(key) + ": " + error.detail;
  return error;
}

// The parts in the order in which they need each other; destroyed in reverse.
struct House {
  oidc::Rules rules;
  schema::Config config;
  schema::WatcherSettings watchers;
  std::string rotation_text;  // of ca.rotation at the start; empty while there is no file
  std::unique_ptr<ca::CasInForce> cas;
  OperatorLog journal;
  schema::SystemClock clock;
  std::unique_ptr<hsm::Custody> custody;
  std::unique_ptr<schema::Fetcher> fetcher;
  std::unique_ptr<schema::Sender> sender;
  std::unique_ptr<oidc::Verifier> verifier;
  std::unique_ptr<ca::Log> log;
  std::unique_ptr<ca::Authority> authority;
  std::unique_ptr<CaReload> rotation;  // null without ca.rotation
  std::unique_ptr<Reloader> reloader;
  std::unique_ptr<CustodyWatch> custody_watch;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<AddressLimit> address_limit;
  std::unique_ptr<Services> services;
  std::vector<std::unique_ptr<Server>> servers;
};

schema::Outcome LoadCas(House& house) {
  const schema::Time now = schema::ToSeconds(house.clock.Now());
  if (house.config.ca.rotation.empty()) {
    TRY(const std::string pem, At("ca.chain", schema::ReadFile(house.config.ca.chain)));
    TRY(ca::Chain chain, At("ca.chain", ca::LoadChain(pem, now)));
    TRY(chain.precertificate_signer, ca::ReadPrecertificateSigner(house.config, chain, now));
    TRY(ca::IssuingCas one, ca::IssuingCas::Of(std::move(chain)));
    house.cas = std::make_unique<ca::CasInForce>(std::move(one));
    return schema::Ok();
  }
  TRY(house.rotation_text, At("ca.rotation", ReadRotationText(house.config)));
  TRY(const schema::Rotation rotation,
      At("ca.rotation", RotationIn(house.config, house.rotation_text)));
  TRY(ca::IssuingCas several, At("ca.rotation", ca::IssuingCas::Load(house.config, rotation, now)));
  house.cas = std::make_unique<ca::CasInForce>(std::move(several));
  return schema::Ok();
}

schema::Outcome LoadKeys(House& house, const std::filesystem::path& program) {
  // Its errors name the key they are about: ca.key or one of log's.
  TRY(house.custody, hsm::Custody::Start(house.config, program, house.journal));
  // The probe signature that Start verified was made by the key it reported; here that key meets
  // the chain.
  const auto cas = house.cas->Now();
  const ca::Chain& chain = cas->active().chain;
  if (house.custody->facts().issuing != chain.spki) {
    return Error{&hsm::kKeyUnusable,
                 "ca.chain: the public key of the chain's first certificate is not that of ca.key"};
  }
  const schema::ShardSettings& shard = house.config.log.certificates;
  const auto& next = cas->next_shard();
  if (next && next->terms.name == shard.shard && next->log_key != house.custody->facts().log) {
    return Error{&hsm::kKeyUnusable,
                 "log.certificates.key: it is not the key that ca.rotation has "
                 "published for shard " +
                     shard.shard};
  }
  const auto& signer = chain.precertificate_signer;
  if (signer && house.custody->facts().precertificate != signer->spki) {
    return Error{&hsm::kKeyUnusable,
                 "log.precertificate-chain: the public key of the chain's first certificate is not "
                 "that of log.precertificate-key"};
  }
  return schema::Ok();
}

void ReportLeftOut(House& house, const std::vector<Error>& problems) {
  for (const Error& problem : problems) {
    house.journal.Error("issuer-left-out",
                        {{"file", house.config.issuers.string()}, {"reason", problem.Describe()}});
  }
}

// In the events log `issuers-loaded` is the border between what was verified under the old issuers
// and under the new.
schema::Outcome AdoptIssuers(House& house, const oidc::LoadedIssuers& loaded) {
  return house.log->Adopt(
      {.issuers = loaded.digest},
      {{"type", "issuers-loaded"}, {"issuers_digest", loaded.digest}, {"issuers", loaded.count}});
}

schema::Outcome LoadIssuers(House& house) {
  TRY(const std::string text, At("issuers", schema::ReadFile(house.config.issuers)));
  house.fetcher = MakeFetcher();
  std::vector<Error> problems;
  TRY(house.verifier,
      At("issuers", oidc::Verifier::Create(text, house.config.directory, *house.fetcher,
                                           house.clock, house.journal, problems, house.rules)));
  ReportLeftOut(house, problems);
  return schema::Ok();
}

std::vector<schema::Hash> KeyHashes(const ca::IssuingCas& cas) {
  std::vector<schema::Hash> hashes;
  for (const auto& ca : cas.all()) hashes.push_back(ca->chain.key_hash);
  return hashes;
}

schema::Outcome LoadAuthority(House& house) {
  TRY(const std::string text, At("policy", schema::ReadFile(house.config.policy)));
  TRY(ca::Policy policy, At("policy", ca::Policy::Parse(text)));
  const auto cas = house.cas->Now();
  house.sender = MakeSender();
  TRY(house.log,
      At("log", ca::Log::Open(house.config, cas->active().chain, *house.custody, house.clock,
                              house.journal, KeyHashes(*cas), house.watchers, house.sender.get())));
  house.authority = std::make_unique<ca::Authority>(
      ca::AuthoritySettings{{house.config.ca.lifetime, house.config.ca.backdate},
                            house.config.log.redact_claims},
      *house.cas, std::move(policy), *house.custody, *house.log, house.clock);
  if (!house.config.ca.rotation.empty()) {
    house.rotation = std::make_unique<CaReload>(house.config, *house.cas, *house.custody,
                                                *house.authority, *house.log, house.clock);
  }
  return schema::Ok();
}

// What the signers read of their keys at this start.
schema::Outcome EnterKeys(House& house) {
  for (const std::string& report : house.custody->key_reports()) {
    TRY(std::vector<schema::Json> events, KeyEvents(report));
    for (schema::Json& event : events) TRY(house.log->Note(std::move(event)));
  }
  return schema::Ok();
}

schema::Outcome EnterStart(House& house) {
  const hsm::KeyFacts& facts = house.custody->facts();
  TRY(house.log->Note({{"type", "started"}, {"version", CHANCERY_VERSION}}));
  TRY(house.authority->Adopt(*house.authority->policy()));
  TRY(AdoptIssuers(house, house.verifier->Loaded()));
  TRY(EnterKeys(house));
  if (house.rotation) {
    TRY(house.rotation->Load(house.rotation_text));
  }
  return house.log->Note(
      {{"type", "keys-read"},
       {"token", facts.token},
       {"token_serial", facts.token_serial},
       {"issuing_key_sha256", schema::Hex(house.cas->Now()->active().chain.key_hash)},
       {"log_id", schema::Hex(house.log->keys().log_id)}});
}

schema::Outcome ReloadIssuers(House& house, const std::string& text) {
  std::vector<Error> problems;
  const auto loaded = house.verifier->Reload(
      text, problems,
      [&house](const oidc::LoadedIssuers& issuers) { return AdoptIssuers(house, issuers); });
  ReportLeftOut(house, problems);
  return loaded;
}

schema::Outcome ReloadPolicy(House& house, const std::string& text) {
  TRY(ca::Policy policy, ca::Policy::Parse(text));
  return house.authority->Adopt(std::move(policy));
}

void MakeReloader(House& house) {
  // Issuers first: a policy that comes with a new issuer finds it.
  std::vector<ReloadedFile> files = {
      {"issuers", house.config.issuers, house.verifier->Loaded().digest,
       [&house](const std::string& text) { return ReloadIssuers(house, text); }},
      {"policy", house.config.policy, house.authority->policy()->digest(),
       [&house](const std::string& text) { return ReloadPolicy(house, text); }},
  };
  if (house.rotation) {
    files.push_back({"rotation", house.config.ca.rotation, schema::TextDigest(house.rotation_text),
                     [&house](const std::string& text) { return house.rotation->Load(text); },
                     true});
  }
  house.reloader = std::make_unique<Reloader>(
      std::move(files), [&house](schema::Json event) { return house.log->Note(std::move(event)); },
      house.clock, house.journal);
}

schema::Outcome Listen(House& house) {
  house.metrics = std::make_unique<Metrics>();
  std::array<std::uint64_t, 2> secret{};
  MUST(getrandom(secret.data(), sizeof secret, 0) == ssize_t{sizeof secret});
  house.address_limit = std::make_unique<AddressLimit>(house.config.limits.per_address, secret);
  house.services = std::make_unique<Services>(
      Services{house.config, *house.cas, *house.verifier, *house.authority, *house.custody,
               *house.log, *house.metrics, *house.address_limit, house.journal, *house.reloader});
  Router public_api, log, internal;
  AddSigningRoutes(*house.services, public_api);
  AddTrustRoutes(*house.services, public_api);
  AddCertificatesLogRoutes(*house.services, log);
  AddInternalRoutes(*house.services, internal);
  AddEventsLogRoutes(*house.services, internal);

  ServerOptions options;
  options.trusted_proxies = house.config.listen.trusted_proxies;
  options.on_answer = [metrics = house.metrics.get()](const Request& request,
                                                      const Response& response, double seconds) {
    metrics->CountRequest(request.method, response.status, seconds);
  };
  // A connection stays on one thread, number fd % threads: of 64 keep-alive clients no two wait for
  // each other.
  options.threads = 64;
  options.cors = true;
  TRY(auto first,
      At("listen.public", Server::Start(house.config.listen.public_api, std::move(public_api),
                                        house.journal, options)));
  house.servers.push_back(std::move(first));
  options.on_answer = nullptr;
  options.threads = 8;
  TRY(auto second, At("listen.log", Server::Start(house.config.listen.log, std::move(log),
                                                  house.journal, options)));
  house.servers.push_back(std::move(second));
  options.cors = false;
  options.threads = 4;
  TRY(auto third,
      At("listen.internal",
         Server::Start(house.config.listen.internal, std::move(internal), house.journal, options)));
  house.servers.push_back(std::move(third));
  return schema::Ok();
}

// Fills `house` part by part, so that what stands is taken down in order when a later part does not
// fit.
schema::Outcome Build(const std::string& file, const std::filesystem::path& program, House& house) {
  TRY(const std::string text, schema::ReadFile(file));
  TRY(house.config, schema::ParseConfig(text, file));
  TRY(house.watchers, schema::ParseWatchers(text, file));
  TRY(LoadCas(house));
  TRY(LoadKeys(house, program));
  TRY(LoadIssuers(house));
  TRY(LoadAuthority(house));
  TRY(EnterStart(house));
  MakeReloader(house);
  TRY(Listen(house));
  house.reloader->Start();
  house.custody_watch = std::make_unique<CustodyWatch>(
      *house.custody, [&house](schema::Json event) { return house.log->Note(std::move(event)); },
      [&house] { return house.log->State(); }, house.journal, CustodyWatch::Pace{});
  return schema::Ok();
}

// SIGHUP: the files are read again. Returns the signal that ends the program.
int WaitForStop(House& house, const sigset_t& signals) {
  while (true) {
    int number = 0;
    sigwait(&signals, &number);
    if (number != SIGHUP) return number;
    house.journal.Info("reload-asked", {{"signal", "SIGHUP"}});
    house.reloader->Ask();
  }
}

int Serve(const std::string& file, const std::filesystem::path& program, const oidc::Rules& rules) {
  // Before any thread: all inherit the mask, and only sigwait below takes these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  House house;
  house.rules = rules;
  if (const auto built = Build(file, program, house); !built) {
    const Error& error = built.error();
    house.journal.Error("start-refused", {{"config", file}, {"reason", error.Describe()}});
    std::fprintf(stderr, "chancery: cannot serve %s: %s\n", file.c_str(), error.Describe().c_str());
    return error.Is(hsm::kPinRefused) ? hsm::kExitPinRefused : kExitFailed;
  }
  house.journal.Info("serving", {{"public", house.servers[0]->address().Text()},
                                 {"log", house.servers[1]->address().Text()},
                                 {"internal", house.servers[2]->address().Text()}});
  sd_notify(0, "READY=1");

  const int signal_number = WaitForStop(house, signals);
  sd_notify(0, "STOPPING=1");
  house.journal.Info("stopping", {{"signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"}});
  house.reloader->Stop();
  // New connections first, then what is under way, then the log.
  for (const auto& server : house.servers) {
    if (const auto stopped = server->Stop(Server::kDrain); !stopped) {
      // A route never came back and still uses the house: leave it standing. Every entry it
      // answered for is durable.
      house.journal.Error("stop-forced", {{"reason", stopped.error().Describe()}});
      std::_Exit(kExitFailed);
    }
  }
  house.servers.clear();
  house.custody_watch.reset();
  if (const auto noted = house.log->Note({{"type", "stopped"}}); !noted) {
    house.journal.Warning("stop-not-entered", {{"reason", noted.error().Describe()}});
  }
  house.authority.reset();
  house.log.reset();
  house.custody.reset();
  house.journal.Info("stopped");
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
      "is "
      "refused, and the old one serves on (/readyz says so).\n\n"
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
