#include "ca/rotate_commands.h"

#include <cstdio>
#include <memory>
#include <string>

#include "ca/log/rows.h"
#include "ca/log/stored_keys.h"
#include "ca/rotate.h"
#include "ca/text.h"
#include "hsm/commands.h"
#include "hsm/doctor.h"
#include "hsm/harden.h"
#include "hsm/rotation.h"
#include "schema/base/file.h"

namespace ca {
namespace {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

struct Options {
  std::string config, format = "text", name, chain, key, reason;
  bool new_root = false;
};

struct Desk {
  schema::Config config;
  schema::Rotation rotation;
  schema::Time now;
};

Result<Desk> Open(const Options& options) {
  TRY(const std::string text, schema::ReadFile(options.config));
  TRY(schema::Config config, schema::ParseConfig(text, options.config));
  if (config.ca.rotation.empty()) {
    return Error{&kRotateRefused, options.config +
                                      " has no ca.rotation; set it, for instance to rotation.yaml, "
                                      "reload the server, and call again"};
  }
  TRY(schema::Rotation rotation, hsm::ReadRotation(config));
  return Desk{std::move(config), std::move(rotation),
              schema::ToSeconds(schema::SystemClock().Now())};
}

void Print(const Json& plan, const std::string& format) {
  if (format == "json") {
    std::printf("%s\n", plan.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  for (const Json& ca : plan["cas"]) {
    std::printf("%s: %s\n", ca["name"].get<std::string>().c_str(),
                ca["state"].get<std::string>().c_str());
    for (const auto& [key, value] : ca.items()) {
      if (key == "name" || key == "state") continue;
      std::printf("  %-22s %s\n", key.c_str(), Plain(value.get<std::string>()).c_str());
    }
  }
  for (const Json& shard : plan["shards"]) {
    std::printf("log shard %s: %s\n", shard["name"].get<std::string>().c_str(),
                shard["state"].get<std::string>().c_str());
    for (const auto& [key, value] : shard.items()) {
      if (key == "name" || key == "state") continue;
      const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      std::printf("  %-22s %s\n", key.c_str(), Plain(text).c_str());
    }
  }
  for (const Json& step : plan["next"]) std::printf("next: %s\n", step.get<std::string>().c_str());
}

// A house that has never served has no shards.
Result<std::vector<ShardRow>> ShardsOf(const Desk& desk) {
  if (!std::filesystem::exists(desk.config.state / kDatabaseName)) return std::vector<ShardRow>();
  return StoredShards(desk.config.state);
}

Result<Json> PlanNow(const Desk& desk, const IssuingCas& cas) {
  TRY(const std::vector<ShardRow> shards, ShardsOf(desk));
  return PlanOf(cas, shards, desk.config, desk.now);
}

// What is written has been read back as the server will read it.
Outcome Keep(const Desk& desk, const Options& options) {
  const std::string text = schema::FormatRotation(desk.rotation);
  TRY(const schema::Rotation rotation, schema::ParseRotation(text));
  TRY(const IssuingCas cas, IssuingCas::Load(desk.config, rotation, desk.now));
  TRY(schema::ReplaceFile(desk.config.ca.rotation, text));
  TRY(const Json plan, PlanNow(desk, cas));
  Print(plan, options.format);
  return schema::Ok();
}

Outcome Plan(const Options& options) {
  TRY(const Desk desk, Open(options));
  TRY(const IssuingCas cas, IssuingCas::Load(desk.config, desk.rotation, desk.now));
  TRY(const Json plan, PlanNow(desk, cas));
  Print(plan, options.format);
  return schema::Ok();
}

// Clients get a new root by other ways than this server's, so it is not taken by accident.
Outcome CheckRoot(const Desk& desk, const Options& options) {
  TRY(const IssuingCas before, IssuingCas::Load(desk.config, desk.rotation, desk.now));
  TRY(const std::string pem, schema::ReadFile(desk.config.Resolve(options.chain)));
  TRY(const Chain chain, LoadChain(pem, desk.now));
  for (const auto& ca : before.all()) {
    if (ca->chain.certificates.back() == chain.certificates.back()) return schema::Ok();
  }
  if (options.new_root) return schema::Ok();
  return Error{&kRotateRefused,
               options.chain +
                   ": its root is none that is trusted today; bring the new root to all clients, "
                   "and say --new-root"};
}

// The key is there, has the attributes it must have, signs, and is that of the chain.
Outcome ProveKey(const schema::Config& own) {
  hsm::SetModuleEnvironment(own);
  for (const hsm::KeyDiagnosis& key : hsm::DiagnoseIssuing(own)) {
    if (key.healthy) continue;
    const hsm::StepReport& last = key.steps.back();
    return Error{
        key.pin_refused ? &hsm::kPinRefused : &hsm::kKeyUnusable,
        "the new key: " + last.text + (last.remedy.empty() ? std::string() : "; " + last.remedy)};
  }
  return schema::Ok();
}

Outcome RunPrepare(const Options& options) {
  TRY(Desk desk, Open(options));
  schema::RotationCa fresh;
  fresh.name = options.name;
  fresh.chain = options.chain;
  fresh.keys = {{std::string(schema::kOnlyToken), options.key, "ca.key", 0, 1}};
  TRY(CheckRoot(desk, options));
  TRY(Prepare(desk.rotation, fresh, desk.now));
  TRY(IssuingCas::Load(desk.config, desk.rotation, desk.now));
  TRY(ProveKey(schema::ConfigOf(desk.config, fresh)));
  return Keep(desk, options);
}

Outcome RunPrepareShard(const Options& options) {
  TRY(Desk desk, Open(options));
  TRY(PrepareShard(desk.rotation, options.name, options.key, desk.now));
  TRY(const IssuingCas cas, IssuingCas::Load(desk.config, desk.rotation, desk.now));
  TRY(const std::vector<ShardRow> shards, ShardsOf(desk));
  for (const ShardRow& shard : shards) {
    if (shard.log != LogName::kCertificates) continue;
    const bool named = shard.name == options.name;
    if (!named && schema::SpkiDer(shard.log_key) != cas.next_shard()->log_key) continue;
    return schema::Error{&kBadRotation, "next-shard: " + (named ? options.name : options.key) +
                                            " is that of a shard there is; a new one needs a name "
                                            "and a key of its own"};
  }
  return Keep(desk, options);
}

Outcome RunActivate(const Options& options) {
  TRY(Desk desk, Open(options));
  TRY(Activate(desk.rotation, options.name, desk.config.ca.lead, options.reason, desk.now));
  return Keep(desk, options);
}

Outcome RunRetire(const Options& options) {
  TRY(Desk desk, Open(options));
  TRY(Retire(desk.rotation, options.name, desk.config.ca.lifetime, desk.now));
  return Keep(desk, options);
}

void Finish(const Outcome& outcome, int& exit_code) {
  if (outcome) return;
  std::fprintf(stderr, "chancery: %s\n", Plain(outcome.error().Describe()).c_str());
  exit_code = outcome.error().Is(hsm::kPinRefused) ? hsm::kExitPinRefused : 1;
}

using Command = Outcome (*)(const Options&);

CLI::App* Add(CLI::App& rotate, const char* name, const char* text,
              const std::shared_ptr<Options>& options, Command command, int& exit_code) {
  CLI::App* added = rotate.add_subcommand(name, text);
  added->add_option("--config", options->config, "chancery.yaml")
      ->required()
      ->check(CLI::ExistingFile);
  added->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  added->callback([options, command, &exit_code] { Finish(command(*options), exit_code); });
  return added;
}

}  // namespace

void RegisterRotate(CLI::App& app, int& exit_code) {
  CLI::App* rotate = app.add_subcommand("rotate", "Replace the issuing CA while the server runs");
  rotate->require_subcommand(1);
  rotate->footer(
      "Each step edits the file of ca.rotation; a running server reads it again within a second,\n"
      "and /readyz says so (`files`). No request fails meanwhile.\n\n"
      "Example: a new CA, whose key and chain a ceremony has made\n"
      "  chancery rotate prepare 2027 --config chancery.yaml --chain chain-2027.pem --key "
      "'pkcs11:…'\n"
      "  chancery rotate plan --config chancery.yaml\n"
      "  # after ca.lead, when clients have the new trust material\n"
      "  chancery rotate activate 2027 --config chancery.yaml\n"
      "  # after ca.lifetime\n"
      "  chancery rotate retire first --config chancery.yaml");

  const auto plan = std::make_shared<Options>();
  Add(*rotate, "plan", "Show the issuing CAs, their dates, and what to do next", plan, Plan,
      exit_code)
      ->footer("Example:\n  chancery rotate plan --config chancery.yaml --format json");

  const auto prepare = std::make_shared<Options>();
  CLI::App* command =
      Add(*rotate, "prepare", "Check a new CA and its key, and publish it in all trust material",
          prepare, RunPrepare, exit_code);
  command->add_option("NAME", prepare->name, "of the new CA: a-z, 0-9, '-', '.'")->required();
  command
      ->add_option("--chain", prepare->chain,
                   "PEM, the new CA first, root last; from the configuration's folder")
      ->required();
  command->add_option("--key", prepare->key, "RFC 7512 URI of its key")->required();
  command->add_flag("--new-root", prepare->new_root, "its root is a new one");
  command->footer(
      "Example:\n  chancery rotate prepare 2027 --config chancery.yaml --chain chain-2027.pem "
      "--key 'pkcs11:token=chancery;object=ca-2027?module-path=…&pin-source=file:pin'");

  const auto shard = std::make_shared<Options>();
  command =
      Add(*rotate, "prepare-shard", "Publish the key of the next shard of the certificates log",
          shard, RunPrepareShard, exit_code);
  command->add_option("NAME", shard->name, "as log.certificates.shard will be")->required();
  command
      ->add_option("--key", shard->key,
                   "PEM of the public key, ECDSA P-256; from the configuration's folder")
      ->required();
  command->footer(
      "Example:\n  chancery rotate prepare-shard 2027 --config chancery.yaml --key log-2027.pub\n"
      "  # after ca.lead: log.certificates with this shard, a new origin and its keys; reload");

  const auto activate = std::make_shared<Options>();
  command = Add(*rotate, "activate", "Let this CA sign all new certificates", activate, RunActivate,
                exit_code);
  command->add_option("NAME", activate->name, "a CA that is prepared or was replaced")->required();
  command->add_option("--now", activate->reason,
                      "do not wait for ca.lead, for this reason: it is entered in the events log");
  command->footer(
      "Example:\n  chancery rotate activate 2027 --config chancery.yaml\n"
      "  chancery rotate activate 2027 --config chancery.yaml --now 'the old token is broken, "
      "SEC-17'");

  const auto retire = std::make_shared<Options>();
  command = Add(*rotate, "retire", "Take a replaced CA out of use; it stays in trust material",
                retire, RunRetire, exit_code);
  command->add_option("NAME", retire->name, "a CA that was replaced, or never used")->required();
  command->footer("Example:\n  chancery rotate retire first --config chancery.yaml");
}

}  // namespace ca
