#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "hsm/custody.h"
#include "hsm/drained.h"
#include "hsm/hsm_commands.h"
#include "hsm/token_use.h"

namespace hsm {
namespace {

using schema::Error;
using schema::Json;
using schema::KeyToken;
using schema::Outcome;
using schema::Result;

struct TokensOptions {
  std::string config, format = "text";
};
struct DrainOptions {
  std::string config, token;
  bool force = false;
};

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Outcome CheckKnown(const std::vector<KeyUse>& uses, const std::string& token) {
  std::vector<std::string> known;
  for (const KeyUse& use : uses) {
    for (const KeyToken& key : use.tokens) {
      if (key.name == token) return schema::Ok();
      if (std::ranges::find(known, key.name) == known.end()) known.push_back(key.name);
    }
  }
  return Error{&kKeyUnusable,
               "no token is called '" + token + "'; the configuration has " + Joined(known)};
}

Result<int> RunDrain(const DrainOptions& options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const std::vector<KeyUse> uses, KeyUses(config));
  TRY(CheckKnown(uses, options.token));
  const DrainNotes notes = ReadDrainNotes(config.state);
  const char* const token = options.token.c_str();
  if (IsDrained(notes, options.token)) {
    std::printf("%s is drained already\n", token);
    return 0;
  }
  const auto needed = KeysThatNeed(uses, options.token, notes);
  if (!needed.empty() && !options.force) {
    return Error{&kKeyUnusable, options.token + " is the last token in use of " + Joined(needed) +
                                    ": nothing could be issued; --force drains it all the same"};
  }
  TRY(WriteDrainNote(config.state, options.token, true));
  std::printf(
      "%s gets no new work. What it has is answered and its sessions are closed: then /readyz "
      "shows its sessions as 0 up.\n",
      token);
  return 0;
}

Result<int> RunUndrain(const DrainOptions& options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const std::vector<KeyUse> uses, KeyUses(config));
  TRY(CheckKnown(uses, options.token));
  if (!IsDrained(ReadDrainNotes(config.state), options.token)) {
    std::printf("%s is not drained\n", options.token.c_str());
    return 0;
  }
  TRY(WriteDrainNote(config.state, options.token, false));
  std::printf("%s gets work again once its signers have found its key; /readyz says so.\n",
              options.token.c_str());
  return 0;
}

Json UseJson(const KeyUse& use, const KeyToken& key, const DrainNotes& notes) {
  Json out = {{"token", key.name},
              {"key", use.setting},
              {"sessions", key.sessions},
              {"weight", key.weight},
              {"drained", IsDrained(notes, key.name)}};
  if (IsDrained(notes, key.name)) {
    const DrainNote& note = notes.at(key.name);
    out["uid"] = note.who;
    out["since"] = schema::Rfc3339(note.when);
  }
  return out;
}

Result<int> RunTokens(const TokensOptions& options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const std::vector<KeyUse> uses, KeyUses(config));
  const DrainNotes notes = ReadDrainNotes(config.state);
  Json all = Json::array();
  for (const KeyUse& use : uses) {
    for (const KeyToken& key : use.tokens) all.push_back(UseJson(use, key, notes));
  }
  if (options.format == "json") {
    PrintJson(all);
    return 0;
  }
  std::printf("%-16s  %-22s  %8s  %6s\n", "token", "key", "sessions", "weight");
  for (const Json& one : all) {
    std::printf("%-16s  %-22s  %8d  %6d", one["token"].get<std::string>().c_str(),
                one["key"].get<std::string>().c_str(), one["sessions"].get<int>(),
                one["weight"].get<int>());
    if (one["drained"].get<bool>()) {
      std::printf("  drained by uid %u since %s", one["uid"].get<unsigned>(),
                  one["since"].get<std::string>().c_str());
    }
    std::printf("\n");
  }
  return 0;
}

void RegisterTokens(CLI::App& hsm, int& exit_code) {
  auto options = std::make_shared<TokensOptions>();
  CLI::App* command = hsm.add_subcommand(
      "tokens", "The tokens that the configuration names, and which are drained");
  command->footer(
      "Reads files only: how each token does is in /readyz.\n"
      "Examples:\n"
      "  chancery hsm tokens --config chancery.yaml\n"
      "  chancery hsm tokens --config chancery.yaml --format json");
  AddConfig(*command, options->config);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunTokens(*options), exit_code); });
}

CLI::App* AddDrain(CLI::App& hsm, const char* name, const char* what, const char* footer,
                   DrainOptions& options) {
  CLI::App* command = hsm.add_subcommand(name, what);
  command->footer(footer);
  command->add_option("name", options.token, "of an entry of ca.key or log.certificates.key")
      ->required();
  AddConfig(*command, options.config);
  return command;
}

}  // namespace

void RegisterDrain(CLI::App& hsm, int& exit_code) {
  RegisterTokens(hsm, exit_code);
  auto drain = std::make_shared<DrainOptions>();
  CLI::App* command = AddDrain(
      hsm, "drain", "Take a token out of use while the server runs",
      "It gets no new work, what it has is finished, its sessions are closed; a server that starts "
      "meanwhile leaves it alone. Holds for each key that this token has, until `undrain`. Who may "
      "write to the server's state directory may do this; the events log has who did "
      "(token-drained).\n"
      "Examples:\n"
      "  chancery hsm drain left --config /etc/chancery/chancery.yaml\n"
      "  chancery hsm tokens --config /etc/chancery/chancery.yaml",
      *drain);
  command->add_flag("--force", drain->force,
                    "the last one too: then every request gets 503 until `undrain`");
  command->callback([drain, &exit_code] { Finish(RunDrain(*drain), exit_code); });
  auto undrain = std::make_shared<DrainOptions>();
  AddDrain(hsm, "undrain", "Bring a drained token back",
           "Its signers start as they do with the server, with every check of the key.\n"
           "Example:\n"
           "  chancery hsm undrain left --config /etc/chancery/chancery.yaml",
           *undrain)
      ->callback([undrain, &exit_code] { Finish(RunUndrain(*undrain), exit_code); });
}

}  // namespace hsm
