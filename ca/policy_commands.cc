#include "ca/policy_commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ca/log/reader.h"
#include "ca/log/stored_keys.h"
#include "ca/policy_diff.h"
#include "ca/policy_explain.h"
#include "ca/policy_lint.h"
#include "ca/policy_test_file.h"
#include "ca/replay/worker.h"
#include "ca/text.h"
#include "ca/who_can.h"
#include "schema/base/file.h"
#include "schema/base/nearest.h"
#include "schema/config.h"

namespace ca {
namespace {

using schema::Error;
using schema::Json;
using schema::Result;

constexpr const char* kExitCodes = "Exit codes: 0 ";

struct LintOptions {
  std::string file, format = "text", now;
  bool strict = false;
};
struct TestOptions {
  std::string file, policy, format = "text";
};
struct ExplainOptions {
  std::string policy, token, claims, issuer, key = "ecdsa-p256", now, format = "text";
};
struct DiffOptions {
  std::string before, after, replay = "30d", config, events, now, format = "text";
  unsigned threads = 0;
  std::size_t rows = 50;
};
struct WhoOptions {
  std::string policy, identity, now, format = "text";
  std::vector<std::string> claims;
  WhoQuestion question;
};

Result<Policy> LoadPolicy(const std::string& file) {
  TRY(const std::string text, schema::ReadFile(file));
  auto policy = Policy::Parse(text);
  if (!policy) return Error{policy.error().kind, file + ": " + policy.error().detail};
  return policy;
}

Result<schema::Time> NowOf(const std::string& text) {
  if (text.empty()) return schema::ToSeconds(schema::SystemClock().Now());
  return schema::ParseTime(text);
}

void PrintJson(const Json& value) {
  std::printf("%s\n", value.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

Result<int> RunLint(const LintOptions& options) {
  TRY(const std::string text, schema::ReadFile(options.file));
  TRY(const schema::Time now, NowOf(options.now));
  const std::vector<LintFinding> findings = LintText(text, now);
  if (options.format == "json") {
    PrintJson(LintJson(options.file, findings));
  } else {
    std::fputs(LintReport(options.file, findings).c_str(), stdout);
  }
  return HasErrors(findings) || (options.strict && !findings.empty()) ? 1 : 0;
}

Result<int> RunTest(const TestOptions& options) {
  TRY(const std::string text, schema::ReadFile(options.file));
  auto file = ParsePolicyTests(text);
  if (!file) return Error{file.error().kind, options.file + ": " + file.error().detail};
  std::string policy_file = options.policy;
  if (policy_file.empty()) {
    if (file->policy.empty()) {
      return Error{&kBadInput, "which policy? Give --policy, or `policy:` in " + options.file};
    }
    policy_file = (std::filesystem::path(options.file).parent_path() / file->policy).string();
  }
  TRY(const Policy policy, LoadPolicy(policy_file));
  TRY(const schema::Time now, NowOf(""));
  const TestResult result = RunPolicyTests(policy, *file, now);
  if (options.format == "json") {
    PrintJson(TestJson(result));
  } else {
    std::fputs(TestReport(result).c_str(), stdout);
  }
  return result.failed == 0 ? 0 : 1;
}

Result<Json> ReadSubject(const ExplainOptions& options) {
  if (options.token.empty()) {
    TRY(const std::string text, schema::ReadFile(options.claims));
    return ReadClaims(text);
  }
  TRY(const std::string text, schema::ReadFile(options.token));
  return ReadUnverifiedPayload(text);
}

Result<int> RunExplain(const ExplainOptions& options) {
  if (options.token.empty() == options.claims.empty()) {
    return Error{&kBadInput, "give one of --token and --claims"};
  }
  TRY(const Policy policy, LoadPolicy(options.policy));
  TRY(CheckKeyName(options.key));
  TRY(Json claims, ReadSubject(options));
  TRY(schema::Identity identity, IdentityOf(policy, std::move(claims), options.issuer));
  TRY(const schema::Time now, NowOf(options.now));
  const Asked asked{std::move(identity), options.key, now};
  if (options.format == "json") {
    Json out = ExplainJson(policy, asked);
    out["verified"] = false;
    PrintJson(out);
    return out["allowed"].get<bool>() ? 0 : 1;
  }
  if (!options.token.empty()) {
    std::puts(
        "The token was NOT verified: this is what it says, whoever wrote it and however old it "
        "is.\n");
  }
  std::fputs(ExplainText(policy, asked).c_str(), stdout);
  return policy.Decide(asked.identity, asked.key, asked.now).allowed() ? 0 : 1;
}

struct Events {
  std::vector<std::unique_ptr<Reader>> shards;  // outlive source
  std::unique_ptr<EventSource> source;
};

Result<Events> OpenEvents(const DiffOptions& options) {
  Events out;
  if (options.config.empty() == options.events.empty()) {
    return Error{&kBadInput, "give one of --config and --events"};
  }
  if (!options.events.empty()) {
    TRY(out.source, EventsOfFile(options.events));
    return out;
  }
  TRY(const std::string text, schema::ReadFile(options.config));
  TRY(const schema::Config config, schema::ParseConfig(text, options.config));
  TRY(const std::vector<ShardRow> shards, StoredShards(config.state));
  for (const ShardRow& shard : shards) {
    if (shard.log != LogName::kEvents) continue;
    TRY(out.shards.emplace_back(),
        Reader::Open(config.state, config.log.certificates.shard, shard.name));
  }
  std::optional<schema::TimeMs> since;
  if (options.replay != "all") {
    TRY(const std::chrono::milliseconds ago, schema::ParseDuration(options.replay));
    since = schema::SystemClock().Now() - ago;
  }
  TRY(out.source, EventsOfStore(out.shards, since));
  return out;
}

Result<int> RunDiff(const DiffOptions& options) {
  TRY(const Policy before, LoadPolicy(options.before));
  TRY(const Policy after, LoadPolicy(options.after));
  TRY(const Events events, OpenEvents(options));
  TRY(const schema::Time now, NowOf(options.now));
  DiffRun run{before, after, now, options.threads, {}};
  if (run.threads == 0) run.threads = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
  if (isatty(STDERR_FILENO) != 0) {
    run.progress = [](double done) { std::fprintf(stderr, "\rreplaying: %3.0f %%", 100 * done); };
  }
  const auto report = Replay(run, events.source.get());
  if (run.progress) std::fputs("\r\033[K", stderr);
  if (!report) return report.error();
  if (options.format == "json") {
    Json out = DiffJson(*report);
    out["old_digest"] = before.digest();
    out["new_digest"] = after.digest();
    PrintJson(out);
  } else {
    std::fputs(DiffText(*report, options.rows).c_str(), stdout);
  }
  return report->Differs() ? 1 : 0;
}

// A claim that no rule reads changes no answer: mistyped, it looks as if everything depended on it.
void WarnIfUnread(const Policy& policy, const std::string& claim) {
  const std::vector<std::string> read = ClaimsRead(policy, policy);
  if (std::ranges::find(read, claim) != read.end()) return;
  const std::vector<std::string_view> names(read.begin(), read.end());
  const std::string_view near = schema::Nearest(claim, names);
  std::fprintf(stderr, "chancery: no rule reads the claim '%s'%s\n", Plain(claim).c_str(),
               near.empty() ? "" : ("; did you mean '" + std::string(near) + "'?").c_str());
}

Result<int> RunWho(WhoOptions options) {
  TRY(const Policy policy, LoadPolicy(options.policy));
  TRY(const schema::Time now, NowOf(options.now));
  WhoQuestion& question = options.question;
  if (!options.identity.empty()) {
    TRY(const std::string text, schema::ReadFile(options.identity));
    TRY(question.claims, ReadClaims(text));
  }
  for (const std::string& claim : options.claims) {
    const std::size_t equals = claim.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error{&kBadInput, "--claim wants NAME=TEXT, found '" + claim + "'"};
    }
    question.known.emplace_back(claim.substr(0, equals), claim.substr(equals + 1));
  }
  TRY(const std::vector<WhoAnswer> answers, WhoCan(policy, question, now));
  if (options.format == "json") {
    PrintJson(WhoJson(policy, answers));
  } else {
    std::fputs(WhoText(policy, answers).c_str(), stdout);
  }
  for (const auto& [claim, text] : question.known) WarnIfUnread(policy, claim);
  const bool somebody = std::ranges::any_of(answers, [](const WhoAnswer& answer) {
    return !answer.refused() && !answer.expired && answer.rule->mode == Mode::kEnforce;
  });
  return somebody ? 0 : 1;
}

void Finish(const Result<int>& result, int& exit_code) {
  if (!result) {
    std::fprintf(stderr, "chancery: %s\n", Plain(result.error().Describe()).c_str());
  }
  exit_code = result ? *result : 2;
}

void AddFormat(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}
void AddNow(CLI::App& command, std::string& now) {
  command.add_option("--now", now, "when, for `expires`: 2026-11-21 or 2026-11-21T10:00:00Z");
}
void AddPolicy(CLI::App& command, std::string& policy) {
  command.add_option("--policy", policy, "policy.yaml")->required()->check(CLI::ExistingFile);
}

void RegisterLint(CLI::App& policy, int& exit_code) {
  auto options = std::make_shared<LintOptions>();
  CLI::App* command = policy.add_subcommand(
      "lint", "Find rules that let strangers in, never match, or change nothing");
  command->footer(std::string(kExitCodes) +
                  "no error (with --strict: no finding), 1 findings, 2 unusable input.\n"
                  "Examples:\n"
                  "  chancery policy lint policy.yaml\n"
                  "  chancery policy lint policy.yaml --strict --format json");
  command->add_option("FILE", options->file, "policy.yaml")->required()->check(CLI::ExistingFile);
  command->add_flag("--strict", options->strict, "warnings count as well");
  AddNow(*command, options->now);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunLint(*options), exit_code); });
}

void RegisterTest(CLI::App& policy, int& exit_code) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command =
      policy.add_subcommand("test", "Run cases: claims, and the rule or refusal they must meet");
  command->footer(std::string(kExitCodes) +
                  "all cases hold, 1 some do not, 2 unusable input.\n"
                  "Examples:\n"
                  "  chancery policy test policy_test.yaml\n"
                  "  chancery policy test policy_test.yaml --policy new-policy.yaml");
  command->add_option("FILE", options->file, "policy_test.yaml")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--policy", options->policy, "instead of the one that FILE names")
      ->check(CLI::ExistingFile);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunTest(*options), exit_code); });
}

void RegisterExplain(CLI::App& policy, int& exit_code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = policy.add_subcommand(
      "explain", "Show every rule and condition for one identity: wanted and found");
  command->footer(std::string(kExitCodes) +
                  "allowed, 1 refused, 2 unusable input.\n"
                  "Nothing here verifies a token: the policy is asked as if it were genuine.\n"
                  "Examples:\n"
                  "  chancery policy explain --policy policy.yaml --token token.jwt\n"
                  "  chancery policy explain --policy policy.yaml --claims claims.json "
                  "--key ed25519");
  AddPolicy(*command, options->policy);
  command->add_option("--token", options->token, "file with a compact JWS; not verified")
      ->check(CLI::ExistingFile);
  command->add_option("--claims", options->claims, "file with the claims as a JSON object")
      ->check(CLI::ExistingFile);
  command->add_option("--issuer", options->issuer, "name or URL, when the claims have no \"iss\"");
  command->add_option("--key", options->key, "type of the key to certify")->capture_default_str();
  AddNow(*command, options->now);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunExplain(*options), exit_code); });
}

void RegisterDiff(CLI::App& policy, int& exit_code) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = policy.add_subcommand(
      "diff", "Replay the events log: what would another policy have refused or let pass");
  command->footer(
      std::string(kExitCodes) +
      "no difference, 1 differences, 2 unusable input.\n"
      "Both policies are asked as of --now. Events whose claims were redacted are "
      "counted as undecidable.\n"
      "Examples:\n"
      "  chancery policy diff policy.yaml new.yaml --replay 30d --config chancery.yaml\n"
      "  chancery policy diff policy.yaml new.yaml --events events.ndjson "
      "--format json");
  command->add_option("OLD", options->before, "policy.yaml")->required()->check(CLI::ExistingFile);
  command->add_option("NEW", options->after, "its successor")->required()->check(CLI::ExistingFile);
  CLI::Option* const replay =
      command->add_option("--replay", options->replay, "how far back: 30d, 12h, all")
          ->capture_default_str();
  command->add_option("--config", options->config, "chancery.yaml, whose state holds the events")
      ->check(CLI::ExistingFile);
  command->add_option("--events", options->events, "file of one event a line; - is standard input")
      ->excludes(replay);
  command->add_option("--threads", options->threads, "default: one for each processor")
      ->check(CLI::Range(1, 64));
  command->add_option("--rows", options->rows, "identities listed for each change")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  AddNow(*command, options->now);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunDiff(*options), exit_code); });
}

void RegisterWho(CLI::App& policy, int& exit_code) {
  auto options = std::make_shared<WhoOptions>();
  CLI::App* command = policy.add_subcommand(
      "who-can", "Who can sign: everybody, by rule; a repository's workflows; one identity");
  command->footer(std::string(kExitCodes) +
                  "somebody can, 1 nobody can, 2 unusable input.\n"
                  "A claim that is not given is an \"if\" of the answer; with --identity it is "
                  "missing.\n"
                  "Examples:\n"
                  "  chancery policy who-can --policy policy.yaml\n"
                  "  chancery policy who-can --policy policy.yaml --repository corp/app\n"
                  "  chancery policy who-can --policy policy.yaml --identity claims.json "
                  "--format json\n"
                  "  chancery policy who-can --policy policy.yaml --issuer github --claim "
                  "ref=refs/heads/main");
  AddPolicy(*command, options->policy);
  WhoQuestion& question = options->question;
  command->add_option("--identity", options->identity, "file with all claims as a JSON object")
      ->check(CLI::ExistingFile);
  command->add_option("--issuer", question.issuer, "name or URL of one issuer");
  command->add_option("--claim", options->claims, "NAME=TEXT that is known; may be repeated");
  command->add_option("--san", question.san, "the certificate's subject alternative name");
  command->add_option("--repository", question.repository, "as its CI names it: corp/app");
  command->add_option("--repository-id", question.repository_id, "its immutable id");
  AddNow(*command, options->now);
  AddFormat(*command, options->format);
  command->callback([options, &exit_code] { Finish(RunWho(*options), exit_code); });
}

}  // namespace

void RegisterPolicyCommands(CLI::App& app, int& exit_code) {
  CLI::App* policy = app.add_subcommand("policy", "Check, test and explain policy.yaml");
  policy->require_subcommand(1);
  RegisterLint(*policy, exit_code);
  RegisterTest(*policy, exit_code);
  RegisterExplain(*policy, exit_code);
  RegisterDiff(*policy, exit_code);
  RegisterWho(*policy, exit_code);
}

}  // namespace ca
