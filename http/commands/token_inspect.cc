#include "http/commands/token_inspect.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <vector>

#include "ca/key_strength.h"
#include "ca/policy.h"
#include "http/commands/compat_flag.h"
#include "http/fetch.h"
#include "oidc/inspect.h"
#include "oidc/key_fetch.h"
#include "schema/base/file.h"
#include "schema/base/limits.h"
#include "schema/config.h"
#include "schema/extensions.h"

namespace http {
namespace {

using schema::Error;
using schema::Json;
using schema::Result;
using State = oidc::InspectStep::State;

const schema::ErrorKind kTokenGiven{
    "token-given", schema::Fault::kCaller,
    "give the file that holds the token, or - and the token on standard input: a command line is "
    "kept in the shell's history and shown to others"};

struct Options {
  std::string token, config, issuers, jwks, now, format = "text", key = "ecdsa-p256";
  bool offline = false;
  bool compat = false;
};

// What the token is held against.
struct Setting {
  oidc::IssuerSet issuers;
  std::optional<ca::Policy> policy;
};

// The token alone: files end with a line break, and headers are pasted with their scheme.
Result<std::string> ReadToken(const std::string& from) {
  std::string text;
  constexpr std::size_t kMost = schema::limits::kTokenBytes + 1024;
  if (from == "-") {
    // One octet more than is taken, so that what is too long is seen to be.
    for (int c = std::cin.get(); c != EOF && text.size() <= kMost; c = std::cin.get()) {
      text.push_back(static_cast<char>(c));
    }
  } else {
    // Whoever gives the token itself is not to find it in a log as well.
    if (std::ranges::count(from, '.') == 2 && from.starts_with("eyJ")) {
      return Error{&kTokenGiven, ""};
    }
    TRY(text, schema::ReadFile(from, kMost));
  }
  constexpr std::string_view kBlank = " \t\r\n";
  text.erase(0, std::min(text.find_first_not_of(kBlank), text.size()));
  constexpr std::string_view kScheme = "Bearer ";
  if (text.starts_with(kScheme)) text.erase(0, kScheme.size());
  text.erase(text.find_last_not_of(kBlank) + 1);
  return text;
}

Result<schema::Time> Now(const std::string& text) {
  if (text.empty()) return schema::ToSeconds(schema::SystemClock().Now());
  return schema::ParseTime(text);
}

Result<Setting> Load(const Options& options) {
  std::filesystem::path issuers = options.issuers;
  std::filesystem::path directory = issuers.parent_path();
  Setting out;
  if (!options.config.empty()) {
    TRY(const std::string text, schema::ReadFile(options.config));
    TRY(const schema::Config config, schema::ParseConfig(text, options.config));
    if (options.issuers.empty()) issuers = config.issuers;
    directory = config.directory;
    TRY(const std::string policy, schema::ReadFile(config.policy));
    TRY(out.policy, ca::Policy::Parse(policy));
  }
  TRY(const std::string text, schema::ReadFile(issuers));
  std::vector<Error> problems;
  TRY(out.issuers, oidc::LoadIssuers(text, directory, problems, RulesOf(options.compat)));
  for (const Error& problem : problems) {
    std::fprintf(stderr, "chancery: left out: %s\n", problem.Describe().c_str());
  }
  return out;
}

// Nothing when the signature cannot be checked.
Result<oidc::KeyFinder> Keys(const Options& options, schema::Fetcher& fetcher) {
  using Found = Result<std::shared_ptr<const oidc::KeySet>>;
  if (!options.jwks.empty()) {
    TRY(const std::string text, schema::ReadFile(options.jwks));
    TRY(oidc::KeySet parsed, oidc::KeySet::Parse(text));
    const auto keys = std::make_shared<const oidc::KeySet>(std::move(parsed));
    return oidc::KeyFinder(
        [keys](const oidc::Issuer&, const std::string&) -> Found { return keys; });
  }
  if (options.offline) return oidc::KeyFinder();
  return oidc::KeyFinder([&fetcher](const oidc::Issuer& issuer, const std::string& iss) -> Found {
    auto fetched =
        oidc::FetchKeys(fetcher, issuer, iss, std::nullopt, std::chrono::milliseconds(5000));
    if (!fetched) return std::move(fetched).error();
    return fetched->keys;
  });
}

oidc::InspectStep PolicyStep(const ca::Policy& policy, const schema::Identity& identity,
                             const Options& options, schema::Time now) {
  const ca::Decision decision = policy.Decide(identity, options.key, now);
  const std::string found = std::string(decision.family()) + " " + decision.rule() +
                            ", for a key of " + options.key + ", policy " +
                            decision.policy_digest().substr(0, 16);
  if (decision.allowed()) return {"policy", State::kPassed, found, ""};
  return {"policy", State::kFailed, std::string(decision.refusal()->id) + ": " + found,
          "See each rule with `chancery policy explain`; then change the policy or the job."};
}

std::string_view Word(State state) {
  switch (state) {
    case State::kPassed:
      return "ok";
    case State::kFailed:
      return "FAILED";
    case State::kUnchecked:
      return "unchecked";
  }
  return "";
}

std::string ExtensionName(int arc) {
  const schema::FulcioArc* known = schema::FindArc(arc);
  return known == nullptr ? std::string() : std::string(known->name);
}

void PrintText(const oidc::Inspection& inspection) {
  for (const oidc::InspectStep& step : inspection.steps) {
    std::printf("%-10s %-9s %s\n", std::string(step.name).c_str(),
                std::string(Word(step.state)).c_str(), step.found.c_str());
    if (!step.advice.empty()) std::printf("%-20s %s\n", "", step.advice.c_str());
  }
  if (!inspection.identity) return;
  std::printf("\nsubjectAltName %s\n", inspection.identity->san.value.c_str());
  for (const schema::FulcioExtension& extension : inspection.identity->extensions) {
    std::printf("1.3.6.1.4.1.57264.1.%-3d %-40s %s\n", extension.arc,
                ExtensionName(extension.arc).c_str(), extension.text.c_str());
  }
}

void PrintJson(const oidc::Inspection& inspection) {
  Json steps = Json::array();
  for (const oidc::InspectStep& step : inspection.steps) {
    Json one = {{"step", step.name}, {"state", Word(step.state)}, {"found", step.found}};
    if (!step.advice.empty()) one["advice"] = step.advice;
    steps.push_back(std::move(one));
  }
  Json out = {{"steps", std::move(steps)}};
  if (inspection.identity) {
    out["san"] = inspection.identity->san.value;
    out["extensions"] = Json::array();
    for (const schema::FulcioExtension& extension : inspection.identity->extensions) {
      out["extensions"].push_back({{"oid", "1.3.6.1.4.1.57264.1." + std::to_string(extension.arc)},
                                   {"name", ExtensionName(extension.arc)},
                                   {"text", extension.text}});
    }
  }
  std::string text;
  schema::AppendJson(out, text);
  std::printf("%s\n", text.c_str());
}

Result<bool> Inspect(const Options& options) {
  TRY(const std::string token, ReadToken(options.token));
  TRY(const schema::Time now, Now(options.now));
  TRY(const Setting setting, Load(options));
  const auto fetcher = MakeFetcher();
  TRY(const oidc::KeyFinder keys, Keys(options, *fetcher));
  oidc::Inspection inspection = oidc::InspectToken(token, setting.issuers, keys, now);
  if (setting.policy && inspection.identity) {
    inspection.steps.push_back(PolicyStep(*setting.policy, *inspection.identity, options, now));
  }
  if (options.format == "json") {
    PrintJson(inspection);
  } else {
    PrintText(inspection);
  }
  return std::ranges::none_of(
      inspection.steps, [](const oidc::InspectStep& step) { return step.state == State::kFailed; });
}

}  // namespace

void RegisterTokenInspect(CLI::App& app, int& exit_code) {
  CLI::App* token = app.add_subcommand("token", "Identity tokens");
  token->require_subcommand(1);
  CLI::App* command = token->add_subcommand(
      "inspect", "Walk a token through every step, and say at which it fails, why and what to do");
  command->footer(
      "Shows neither the token nor its signature, and spends nothing: the token's jti stays good. "
      "Fetches the issuer's keys unless told otherwise. Exits 1 when a step fails.\n\n"
      "Examples:\n"
      "  chancery token inspect token.jwt --config /etc/chancery/chancery.yaml\n"
      "  chancery token inspect - --issuers issuers.yaml --offline --jwks keys.json < token.jwt\n"
      "  chancery token inspect token.jwt --config chancery.yaml --now 2026-11-26T12:00:00Z");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->token, "the token; - reads it from standard input")
      ->required();
  auto* config = command->add_option("--config", options->config,
                                     "chancery.yaml: its issuers, and its policy's decision");
  auto* issuers = command->add_option("--issuers", options->issuers, "issuers.yaml alone");
  config->check(CLI::ExistingFile);
  issuers->check(CLI::ExistingFile)->excludes(config);
  command->add_flag("--offline", options->offline, "fetch no keys");
  command->add_option("--jwks", options->jwks, "the issuer's keys, instead of fetching them")
      ->check(CLI::ExistingFile);
  command->add_option("--now", options->now, "the time to judge at, 2026-11-26T12:00:00Z");
  std::vector<std::string> algorithms;
  for (const std::string_view name : ca::AlgorithmNames()) algorithms.emplace_back(name);
  command->add_option("--key", options->key, "the key's algorithm, for the policy")
      ->check(CLI::IsMember(algorithms))
      ->capture_default_str();
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddFulcioCompat(*command, options->compat);
  command->callback([options, &exit_code] {
    if (options->config.empty() && options->issuers.empty()) {
      throw CLI::RequiredError("--config or --issuers");
    }
    const auto good = Inspect(*options);
    if (!good) {
      std::fprintf(stderr, "chancery: %s\n", good.error().Describe().c_str());
      exit_code = 2;
    } else {
      exit_code = *good ? 0 : 1;
    }
  });
}

}  // namespace http
