#include "hsm/hsm_commands.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "hsm/bench.h"
#include "hsm/commands.h"
#include "hsm/custody.h"
#include "hsm/doctor.h"
#include "hsm/generate.h"
#include "hsm/harden.h"
#include "hsm/key_set.h"
#include "hsm/listing.h"
#include "hsm/token_choice.h"
#include "schema/base/file.h"

namespace hsm {
namespace {

using schema::Json;
using schema::Result;

struct ListOptions {
  std::string config, module, token, format = "text";
  bool login = false;
};
struct GenerateOptions {
  std::string config, uri, token, key = "ca.key";
};
struct DoctorOptions {
  std::string config, format = "text";
};
struct BenchOptions {
  std::string config, token, format = "text";
  std::vector<int> sessions = {1, 2, 4, 8};
  double seconds = 4;
};

std::string Text(const Json& value) {
  return Shown(value.is_string() ? value.get<std::string>() : value.dump());
}

void PrintKey(const Json& key) {
  std::printf("  %-8s %-20s id %-12s %-10s\n           %s\n", Text(key["class"]).c_str(),
              Text(key["label"]).c_str(), Text(key["id"]).c_str(), Text(key["type"]).c_str(),
              Text(key["uri"]).c_str());
  if (!key.contains("attributes")) return;
  for (const auto& [name, value] : key["attributes"].items()) {
    std::printf("           %-24s %s\n", name.c_str(), value.is_null() ? "-" : Text(value).c_str());
  }
}

void PrintListing(const Json& listing) {
  std::printf("module %s\n", Text(listing["module"]).c_str());
  if (listing["tokens"].empty()) std::printf("no initialised token\n");
  for (const Json& token : listing["tokens"]) {
    std::printf("\ntoken %s (serial %s, %s, %s, firmware %s)\n", Text(token["label"]).c_str(),
                Text(token["serial"]).c_str(), Text(token["manufacturer"]).c_str(),
                Text(token["model"]).c_str(), Text(token["firmware"]).c_str());
    const Json& most = token["sessions_max"];
    std::printf("  PIN: %s; sessions: %s; signs with:", Text(token["pin"]).c_str(),
                most.is_null() ? "no limit told" : Text(most).c_str());
    if (token["signs_with"].empty()) std::printf(" nothing of use here: it has no CKM_ECDSA");
    for (const Json& mechanism : token["signs_with"]) std::printf(" %s", Text(mechanism).c_str());
    std::printf("\n");
    if (token.contains("error")) std::printf("  %s\n", Text(token["error"]).c_str());
    for (const Json& key : token["keys"]) PrintKey(key);
  }
}

Result<int> RunList(const ListOptions& options) {
  std::filesystem::path module = options.module;
  std::optional<ListLogin> login;
  if (!options.config.empty()) {
    TRY(const schema::Config config, LoadConfig(options.config));
    TRY(const schema::KeyToken key, ChooseToken(config, Role::kIssuing, options.token));
    TRY(KeyUri uri, ParseKeyUri(key.uri, config.directory));
    SetModuleEnvironment(config);
    if (module.empty()) module = uri.module;
    if (options.login) login = {std::move(uri), IssuingTerms(config, key)};
  }
  TRY(const Json listing, ListModule(module, login));
  options.format == "json" ? PrintJson(listing) : PrintListing(listing);
  return 0;
}

void PrintDiagnosis(const KeyDiagnosis& key) {
  const std::string of = key.ca.empty() ? "" : " of " + key.ca;
  std::printf("%s%s%s\n", key.setting.c_str(), of.c_str(), key.drained ? " (drained)" : "");
  for (const StepReport& step : key.steps) {
    std::printf("  %-4s  %-10s  %s\n", step.passed ? "ok" : "FAIL",
                std::string(StepName(step.step)).c_str(), Shown(step.text).c_str());
    if (!step.remedy.empty()) std::printf("        do          %s\n", Shown(step.remedy).c_str());
  }
}

Json DiagnosisJson(const KeyDiagnosis& key) {
  Json steps = Json::array();
  for (const StepReport& step : key.steps) {
    Json one = {
        {"step", std::string(StepName(step.step))}, {"passed", step.passed}, {"text", step.text}};
    if (!step.remedy.empty()) one["remedy"] = step.remedy;
    steps.push_back(std::move(one));
  }
  Json out = {{"setting", key.setting},
              {"healthy", key.healthy},
              {"drained", key.drained},
              {"steps", std::move(steps)}};
  if (!key.ca.empty()) out["ca"] = key.ca;
  if (!key.report.empty()) out["key"] = Json::parse(key.report, nullptr, false);
  return out;
}

struct KeyOfConfig {
  std::string text;
  KeyTerms terms;
};
Result<KeyOfConfig> FindKey(const schema::Config& config, const GenerateOptions& options) {
  const std::string& setting = options.key;
  if (setting == "ca.key") {
    TRY(const schema::KeyToken key, ChooseToken(config, Role::kIssuing, options.token));
    return KeyOfConfig{key.uri, IssuingTerms(config, key)};
  }
  if (setting == "log.certificates.key") {
    TRY(const schema::KeyToken key, ChooseToken(config, Role::kLog, options.token));
    return KeyOfConfig{key.uri, LogTerms(config, key)};
  }
  if (setting == "tsa.key") {
    if (config.tsa) return KeyOfConfig{config.tsa->key, TimestampTerms(config)};
    return schema::Error{&kKeyUnusable, setting + ": there is none without tsa"};
  }
  if (config.log.precertificate) {
    return KeyOfConfig{config.log.precertificate->key, PrecertificateTerms(config)};
  }
  return schema::Error{&kKeyUnusable,
                       setting + ": there is none without log.precertificate: signer"};
}

// The URI and terms of the key to make: of the configuration, or of the command line alone.
Result<std::string> RunGenerate(const GenerateOptions& options) {
  Modules modules;
  Opening opening;
  if (options.config.empty()) {
    TRY(KeyUri uri, ParseKeyUri(options.uri, std::filesystem::current_path()));
    return GenerateKey(std::move(uri), {.setting = "--uri"}, modules, opening);
  }
  TRY(const schema::Config config, LoadConfig(options.config));
  SetModuleEnvironment(config);
  TRY(const KeyOfConfig key, FindKey(config, options));
  TRY(KeyUri uri, ParseKeyUri(key.text, config.directory));
  return GenerateKey(std::move(uri), key.terms, modules, opening);
}

Result<int> PrintGenerated(const GenerateOptions& options) {
  TRY(const std::string report, RunGenerate(options));
  PrintJson(Json::parse(report, nullptr, false));
  return 0;
}

Result<int> RunDoctor(const DoctorOptions& options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  SetModuleEnvironment(config);
  TRY(const auto keys, Diagnose(config));
  Json all = Json::array();
  int exit_code = 0;
  for (const KeyDiagnosis& key : keys) {
    if (options.format == "json") {
      all.push_back(DiagnosisJson(key));
    } else {
      PrintDiagnosis(key);
    }
    if (!key.healthy && exit_code != kExitPinRefused) {
      exit_code = key.pin_refused ? kExitPinRefused : kExitFailed;
    }
  }
  if (options.format == "json") PrintJson({{"keys", std::move(all)}, {"healthy", exit_code == 0}});
  return exit_code;
}

// Trouble while measuring, on stderr.
class Complaints final : public schema::Journal {
 public:
  void Write(Level level, std::string_view event, std::initializer_list<Field> fields) override {
    if (level == Level::kInfo) return;
    std::string line(event);
    for (const auto& [name, value] : fields) line.append(" ").append(name).append("=" + value);
    std::fprintf(stderr, "%s\n", Shown(line).c_str());
  }
};

Result<int> RunBench(const BenchOptions& options, const std::filesystem::path& program) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const schema::KeyToken token, ChooseToken(config, Role::kIssuing, options.token));
  const auto duration = std::chrono::milliseconds(static_cast<int>(options.seconds * 1000));
  Complaints complaints;
  const bool text = options.format == "text";
  if (text)
    std::printf("%8s  %12s  %8s  %8s  %8s\n", "sessions", "signatures/s", "p50 ms", "p99 ms",
                "failures");
  std::vector<BenchRow> rows;
  for (const int sessions : options.sessions) {
    TRY(const BenchRow row, BenchSessions(config, token, sessions, duration, program, complaints));
    rows.push_back(row);
    if (text) {
      std::printf("%8d  %12.0f  %8.2f  %8.2f  %8llu\n", row.sessions, row.per_second, row.p50_ms,
                  row.p99_ms, static_cast<unsigned long long>(row.failures));
    }
  }
  const int suggested = SuggestedSessions(rows);
  const int each = config.log.precertificate ? 1 : 2;
  if (text) {
    const double rate = std::ranges::find(rows, suggested, &BenchRow::sessions)->per_second;
    std::printf("ca.sessions: %d reaches nine tenths of the best\n", suggested);
    std::printf("a certificate takes %d (log.precertificate: %s): %.0f certificates/s\n", each,
                each == 1 ? "signer" : "ca", rate / each);
    return 0;
  }
  Json out = {{"rows", Json::array()},
              {"suggested_sessions", suggested},
              {"signatures_per_certificate", each}};
  for (const BenchRow& row : rows) {
    out["rows"].push_back({{"sessions", row.sessions},
                           {"per_second", row.per_second},
                           {"p50_ms", row.p50_ms},
                           {"p99_ms", row.p99_ms},
                           {"failures", row.failures}});
  }
  PrintJson(out);
  return 0;
}

CLI::Option* AddToken(CLI::App& command, std::string& token) {
  return command.add_option("--token", token, "name of one of the tokens that hold it; the first");
}

void RegisterList(CLI::App& hsm, int& exit_code) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = hsm.add_subcommand("list", "What a module has: tokens and their keys");
  command->footer(
      "Private keys usually show after a login only. --module alone reads the module's settings "
      "from the environment.\n"
      "Examples:\n"
      "  chancery hsm list --config chancery.yaml --login\n"
      "  chancery hsm list --module /usr/lib/softhsm/libsofthsm2.so --format json");
  CLI::Option* config = command
                            ->add_option("--config", options->config,
                                         "chancery.yaml: module of ca.key and ca.module-env")
                            ->check(CLI::ExistingFile);
  CLI::Option* module = command->add_option("--module", options->module, "a PKCS#11 module")
                            ->check(CLI::ExistingFile);
  command->add_flag("--login", options->login, "log in to the token of ca.key with its pin-source")
      ->needs(config)
      ->excludes(module);
  AddToken(*command, options->token)->needs(config);
  AddFormat(*command, options->format);
  command->callback([options, config, module, &exit_code] {
    if (config->count() + module->count() != 1) {
      throw CLI::RequiredError("one of --config and --module");
    }
    HardenProcess();
    Finish(RunList(*options), exit_code);
  });
}

void RegisterGenerate(CLI::App& hsm, int& exit_code) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command =
      hsm.add_subcommand("generate", "Make a key in the token as the rules for keys want it");
  command->footer(
      "ECDSA P-256: sensitive, never extractable, for signatures only, under the label and id of "
      "the URI. A key that is there is never replaced. Prints what was read back.\n"
      "Examples:\n"
      "  chancery hsm generate --config chancery.yaml\n"
      "  chancery hsm generate --config chancery.yaml --key log.certificates.key\n"
      "  chancery hsm generate --uri 'pkcs11:token=chancery;object=ca;id=%01"
      "?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:pin'");
  CLI::Option* config =
      command->add_option("--config", options->config, "chancery.yaml")->check(CLI::ExistingFile);
  command->add_option("--key", options->key, "which key of the configuration")
      ->check(
          CLI::IsMember({"ca.key", "log.certificates.key", "log.precertificate-key", "tsa.key"}))
      ->needs(config)
      ->capture_default_str();
  AddToken(*command, options->token)->needs(config);
  CLI::Option* uri = command
                         ->add_option("--uri", options->uri,
                                      "RFC 7512 URI; the module's settings are the environment's")
                         ->excludes(config);
  command->callback([options, config, uri, &exit_code] {
    if (config->count() + uri->count() != 1) throw CLI::RequiredError("one of --config and --uri");
    HardenProcess();
    Finish(PrintGenerated(*options), exit_code);
  });
}

void RegisterDoctor(CLI::App& hsm, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = hsm.add_subcommand(
      "doctor", "Walk to each key as a signer does, and say at the first failure what to do");
  command->footer(
      "Steps: uri, module, slot, token, pin, login, key, attributes, mechanism, signature, chain. "
      "It logs in under the rules of `serve`: a refused PIN is not tried again until "
      "pin-source has another. With ca.rotation it walks to the keys of each CA that is not "
      "retired.\nExit code 0 when all is well, 1 when a step failed, 77 when the "
      "PIN was refused.\n"
      "Examples:\n"
      "  chancery hsm doctor --config chancery.yaml\n"
      "  chancery hsm doctor --config chancery.yaml --format json");
  AddConfig(*command, options->config);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] {
    HardenProcess();
    Finish(RunDoctor(*options), exit_code);
  });
}

void RegisterBench(CLI::App& hsm, const std::filesystem::path& program, int& exit_code) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command =
      hsm.add_subcommand("bench", "Signatures a second of ca.key by number of sessions");
  command->footer(
      "Signs harmless probes through signer processes like those of `serve`, which takes sessions "
      "and time of the token: not beside a busy server. Rate with eight callers for each session, "
      "times with one. How many certificates a second that is depends on log.precertificate.\n"
      "Examples:\n"
      "  chancery hsm bench --config chancery.yaml\n"
      "  chancery hsm bench --config chancery.yaml --token left\n"
      "  chancery hsm bench --config chancery.yaml --sessions 1,2,4,8,16 --seconds 10");
  AddConfig(*command, options->config);
  AddToken(*command, options->token);
  command->add_option("--sessions", options->sessions, "numbers of sessions to try")
      ->delimiter(',')
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "for each number")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  AddFormat(*command, options->format);
  command->callback(
      [options, program, &exit_code] { Finish(RunBench(*options, program), exit_code); });
}

}  // namespace

Result<schema::Config> LoadConfig(const std::string& file) {
  TRY(const std::string text, schema::ReadFile(file));
  return schema::ParseConfig(text, file);
}

std::string Shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return text;
}

void PrintJson(const Json& value) {
  std::printf("%s\n", value.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void Finish(const Result<int>& result, int& exit_code) {
  if (result) {
    exit_code = *result;
    return;
  }
  std::fprintf(stderr, "chancery: %s\n", Shown(result.error().Describe()).c_str());
  exit_code = result.error().Is(kPinRefused) ? kExitPinRefused : kExitFailed;
}

void AddConfig(CLI::App& command, std::string& config) {
  command.add_option("--config", config, "chancery.yaml")->required()->check(CLI::ExistingFile);
}

void AddFormat(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void RegisterHsm(CLI::App& app, const std::filesystem::path& program, int& exit_code) {
  CLI::App* hsm = app.add_subcommand("hsm", "Look at the HSM and its keys");
  hsm->require_subcommand(1);
  RegisterList(*hsm, exit_code);
  RegisterDrain(*hsm, exit_code);
  RegisterGenerate(*hsm, exit_code);
  RegisterDoctor(*hsm, exit_code);
  RegisterBench(*hsm, program, exit_code);
}

}  // namespace hsm
