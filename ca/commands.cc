#include "ca/commands.h"

#include <cstdio>
#include <memory>
#include <string>

#include "ca/log/export_commands.h"
#include "ca/log/listing.h"
#include "ca/log/reader.h"
#include "ca/log/show.h"
#include "ca/log/stored_keys.h"
#include "ca/text.h"
#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/config.h"

namespace ca {
namespace {

using schema::Json;
using schema::Result;

struct SearchOptions {
  std::string config, format = "text", shard, since, until;
  Search search;
  std::int64_t before = -1;
};
struct ShowOptions {
  std::string config, format = "text", shard, entry;
};

Result<schema::Config> LoadConfig(const std::string& file) {
  TRY(const std::string text, schema::ReadFile(file));
  return schema::ParseConfig(text, file);
}

// `shard`: of the certificates log; empty: the one that is written.
Result<std::unique_ptr<Reader>> OpenReader(const schema::Config& config, const std::string& shard) {
  return Reader::Open(config.state, shard.empty() ? config.log.certificates.shard : shard,
                      config.log.events.shard);
}

// "2026-11-21T10:00:00Z", "2026-11-21", or how long ago: "90m".
Result<schema::TimeMs> ParseWhen(const std::string& text) {
  if (const auto time = schema::ParseTime(text)) return schema::TimeMs(*time);
  const auto ago = schema::ParseDuration(text);
  if (!ago) {
    return schema::Error{ago.error().kind,
                         "'" + text + "'; or a time: 2026-11-21T10:00:00Z, or a day: 2026-11-21"};
  }
  return schema::SystemClock().Now() - *ago;
}

void PrintRows(const std::vector<IssuanceRow>& rows) {
  for (const IssuanceRow& row : rows) {
    std::printf("%s %8llu  %s  %s  %s%s\n", row.shard.c_str(),
                static_cast<unsigned long long>(row.index), schema::Rfc3339(row.logged).c_str(),
                row.serial.c_str(), Plain(row.san).c_str(),
                row.certificate_stored ? "" : "  (no certificate stored)");
  }
}

Result<int> RunSearch(SearchOptions options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const auto reader, OpenReader(config, options.shard));
  if (!options.since.empty()) {
    TRY(options.search.since, ParseWhen(options.since));
  }
  if (!options.until.empty()) {
    TRY(options.search.until, ParseWhen(options.until));
  }
  if (options.before >= 0) options.search.before = static_cast<std::uint64_t>(options.before);
  TRY(const auto rows, reader->Find(options.search));
  if (options.format == "json") {
    std::printf("%s\n", RowsJson(rows).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return 0;
  }
  PrintRows(rows);
  if (rows.size() == options.search.count_max) {
    std::fprintf(stderr, "there may be more: --shard %s --before %llu\n", rows.back().shard.c_str(),
                 static_cast<unsigned long long>(rows.back().index));
  }
  return 0;
}

std::string Scalar(const Json& value) {
  return Plain(value.is_string() ? value.get<std::string>() : value.dump());
}

void PrintMember(const char* title, const Json& value) {
  std::printf("%-18s %s\n", title, Scalar(value).c_str());
}

void PrintShown(const Json& facts) {
  const Json& tbs = facts["tbs"];
  PrintMember("Leaf index", facts["leaf_index"]);
  PrintMember("Logged", facts["logged"]);
  PrintMember("Serial", tbs["serial"]);
  PrintMember("Subject name", tbs["san"]["value"]);
  PrintMember("Not before", tbs["not_before"]);
  PrintMember("Not after", tbs["not_after"]);
  PrintMember("Key SHA-256", tbs["key_sha256"]);
  for (const Json& extension : tbs["extensions"]) {
    std::printf("  %-24s %-36s %s\n", Scalar(extension["oid"]).c_str(),
                Scalar(extension["name"]).c_str(), Scalar(extension["value"]).c_str());
  }
  if (facts["certificate_stored"].get<bool>()) {
    PrintMember("Certificate", facts["certificate_sha256"]);
    const bool good = facts["sct"]["verified"].get<bool>();
    std::printf("%-18s %s, %s\n", "SCT", Scalar(facts["sct"]["timestamp"]).c_str(),
                good ? "verified" : "DOES NOT VERIFY");
  } else {
    std::printf("%-18s not stored: whether the client has it is unknown\n", "Certificate");
  }
  const Json& inclusion = facts["inclusion"];
  const std::string size = std::to_string(inclusion["tree_size"].get<std::uint64_t>());
  if (inclusion["covered"].get<bool>()) {
    const bool good =
        inclusion["verified"].get<bool>() && inclusion["tree_head_verified"].get<bool>();
    std::printf("%-18s in the tree of %s entries, %s\n", "Inclusion", size.c_str(),
                good ? "verified" : "DOES NOT VERIFY");
  } else {
    std::printf("%-18s no checkpoint covers it yet (tree of %s)\n", "Inclusion", size.c_str());
  }
  for (const Json& event : facts["events"]) {
    std::printf("\nEvent: %s\n", Plain(event["type"].get<std::string>()).c_str());
    for (const auto& [name, value] : event.items()) {
      if (name != "type") std::printf("  %-24s %s\n", Plain(name).c_str(), Scalar(value).c_str());
    }
  }
}

Result<int> RunShow(const ShowOptions& options) {
  TRY(const schema::Config config, LoadConfig(options.config));
  TRY(const auto reader, OpenReader(config, options.shard));
  TRY(const LogKeys keys, StoredLogKeys(config, options.shard));
  const std::string& shard = options.shard.empty() ? config.log.certificates.shard : options.shard;
  TRY(const std::uint64_t index, FindIndex(*reader, shard, options.entry));
  TRY(const Shown shown, ShowEntry(*reader, keys, index));
  if (options.format == "json") {
    std::printf("%s\n", shown.facts.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    PrintShown(shown.facts);
  }
  return shown.verified ? 0 : 1;
}

void Finish(const Result<int>& result, int& exit_code) {
  if (!result) std::fprintf(stderr, "chancery: %s\n", result.error().Describe().c_str());
  exit_code = result ? *result : 1;
}

void AddCommon(CLI::App& command, std::string& config, std::string& format) {
  command.add_option("--config", config, "chancery.yaml")->required()->check(CLI::ExistingFile);
  command.add_option("--format", format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void RegisterSearch(CLI::App& log, int& exit_code) {
  auto options = std::make_shared<SearchOptions>();
  CLI::App* command = log.add_subcommand("search", "Find certificates, newest first");
  command->footer(
      "Texts match exactly, or as a prefix when they end with '*'.\n"
      "Examples:\n"
      "  chancery log search --config chancery.yaml --since 24h\n"
      "  chancery log search --config chancery.yaml --san 'https://github.com/acme/app/*'\n"
      "  chancery log search --config chancery.yaml --request-id 3afb1e2bbd08cec7 --format json");
  AddCommon(*command, options->config, options->format);
  Search& search = options->search;
  command->add_option("--san", search.san, "subject alternative name");
  command->add_option("--issuer", search.issuer, "OIDC issuer");
  command->add_option("--subject", search.subject, "token subject");
  command->add_option("--serial", search.serial, "serial number, hexadecimal");
  command->add_option("--request-id", search.request_id, "as the client was told");
  command->add_option("--since", options->since, "2026-11-21T10:00:00Z, 2026-11-21, or 90m ago");
  command->add_option("--until", options->until, "likewise");
  command->add_option("--limit", search.count_max, "rows, at most 1000")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--before", options->before, "next page: entries with a smaller index")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--shard", options->shard,
                      "in which --before counts; it and those before are searched");
  command->callback([options, &exit_code] { Finish(RunSearch(*options), exit_code); });
}

void RegisterShow(CLI::App& log, int& exit_code) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = log.add_subcommand(
      "show", "Decode one certificate; verify its SCT and its place in the log; list its events");
  command->footer(
      "Exit code 1 when something does not verify.\n"
      "Examples:\n"
      "  chancery log show --config chancery.yaml 17\n"
      "  chancery log show --config chancery.yaml '0a:1b:2c*' --format json");
  AddCommon(*command, options->config, options->format);
  command->add_option("INDEX|SERIAL", options->entry, "leaf index, or serial (prefix with '*')")
      ->required();
  command->add_option("--shard", options->shard,
                      "of the certificates log; the one that is written");
  command->callback([options, &exit_code] { Finish(RunShow(*options), exit_code); });
}

}  // namespace

void RegisterLogCommands(CLI::App& app, int& exit_code) {
  CLI::App* log = app.add_subcommand("log", "Read the logs of issued certificates");
  log->require_subcommand(1);
  RegisterSearch(*log, exit_code);
  RegisterShow(*log, exit_code);
  RegisterLogExport(*log, exit_code);
}

}  // namespace ca
