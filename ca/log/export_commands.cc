#include "ca/log/export_commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/log/export_place.h"
#include "ca/log/metadata.h"
#include "ca/log/past.h"
#include "ca/log/rows.h"
#include "ca/log/stored_keys.h"
#include "ca/log/tile_export.h"
#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/config.h"

namespace ca {
namespace {

using schema::Json;
using schema::Result;

struct ExportOptions {
  std::string config, state, directory, bundle, log = "certificates", format = "text";
};

// What is exported, by a configuration or by what a state directory says of itself.
struct Source {
  std::filesystem::path state;
  std::vector<ShardRow> shards;
  std::optional<std::string> public_url;  // only a configuration knows where the log is read
};

Result<Source> SourceOf(const ExportOptions& options) {
  if (options.config.empty()) {
    TRY(std::vector<ShardRow> shards, StoredShards(options.state));
    return Source{options.state, std::move(shards), std::nullopt};
  }
  TRY(const std::string text, schema::ReadFile(options.config));
  TRY(const schema::Config config, schema::ParseConfig(text, options.config));
  TRY(std::vector<ShardRow> shards, StoredShards(config.state));
  return Source{config.state, std::move(shards), config.public_url};
}

struct Named {
  std::string name, shard;  // "<log>/<shard>", "<shard>"
  std::unique_ptr<Reader> reader;
  std::unique_ptr<ExportPlace> place;
  std::optional<TileExport> job;
};

// Gives each shard its place, by "<log>/<shard>".
Result<std::function<std::unique_ptr<ExportPlace>(const std::string&)>> Places(
    const ExportOptions& options) {
  using Maker = std::function<std::unique_ptr<ExportPlace>(const std::string&)>;
  if (options.bundle.empty()) {
    return Maker([directory = std::filesystem::path(options.directory)](const std::string& base) {
      return DirectoryPlace(directory / base);
    });
  }
  TRY(std::shared_ptr<Bundle> bundle, Bundle::OpenToWrite(options.bundle));
  return Maker([bundle](const std::string& base) { return BundlePlace(bundle, base); });
}

// Certificates before events: an `issued` event's certificate is then among the issued files, which
// come last.
Result<std::vector<Named>> JobsOf(const ExportOptions& options, const Source& source) {
  std::vector<Named> jobs;
  TRY(const auto place_of, Places(options));
  const ShardIds written = WrittenOf(source.shards);
  const auto name_of = [&](std::int64_t id) {
    return std::ranges::find(source.shards, id, &ShardRow::id)->name;
  };
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    const bool certificates = log == LogName::kCertificates;
    if (options.log == (certificates ? "events" : "certificates")) continue;
    for (const ShardRow& shard : source.shards) {
      if (shard.log != log) continue;
      Named job{std::string(NameOf(log)) + '/' + shard.name, shard.name, nullptr, nullptr, {}};
      TRY(job.reader,
          Reader::Open(source.state, certificates ? shard.name : name_of(written.certificates),
                       certificates ? name_of(written.events) : shard.name));
      job.place = place_of(job.name);
      std::string metadata;
      if (certificates && source.public_url) {
        metadata = LogMetadata(*source.public_url, shard.name, shard.origin,
                               schema::SpkiDer(shard.log_key));
      }
      job.job.emplace(TileExport{*job.reader, log, shard.origin, std::move(metadata), *job.place});
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

void ShowProgress(Named& job) {
  if (isatty(STDERR_FILENO) == 0) return;
  job.job->progress = [name = job.name](std::size_t done, std::size_t all) {
    std::fprintf(stderr, "\r%s: tile %zu of %zu", name.c_str(), done, all);
    if (done == all) std::fputs("\r\033[K", stderr);
  };
}

Result<int> RunExport(const ExportOptions& options) {
  TRY(const Source source, SourceOf(options));
  TRY(std::vector<Named> jobs, JobsOf(options, source));
  std::vector<ExportReport> reports;
  for (Named& job : jobs) {
    ShowProgress(job);
    TRY(reports.emplace_back(), ExportTiles(*job.job));
  }
  // Last: what the events say was issued is stored by now.
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].job->log == LogName::kCertificates) TRY(ExportIssued(*jobs[i].job, reports[i]));
  }
  Json logs = Json::array();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const ExportReport& report = reports[i];
    const std::string place = jobs[i].place->Where("");
    logs.push_back({{"log", NameOf(jobs[i].job->log)},
                    {"shard", jobs[i].shard},
                    {"directory", place},
                    {"size_before", report.before},
                    {"size", report.size},
                    {"files_written", report.files},
                    {"bytes_written", report.bytes}});
    if (options.format == "text") {
      std::printf("%s: %llu entries (%llu before), %zu files with %zu octets written to %s\n",
                  jobs[i].name.c_str(), static_cast<unsigned long long>(report.size),
                  static_cast<unsigned long long>(report.before), report.files, report.bytes,
                  place.c_str());
    }
  }
  if (options.format == "json")
    std::printf("%s\n", Json{{"logs", std::move(logs)}}.dump(2).c_str());
  return 0;
}

}  // namespace

void RegisterLogExport(CLI::App& log, int& exit_code) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command =
      log.add_subcommand("export", "Write a log as plain files that any web server can serve");
  command->footer(
      "DIR/certificates/SHARD/ gets, of every shard, what the server answers below\n"
      "/log/certificates/SHARD/:\n"
      "checkpoint, tile/…, issuer/… (C2SP static-ct-api), log.v3.json, and the certificates\n"
      "themselves (issued/…, for `log verify`); DIR/events/SHARD/ likewise (C2SP tlog-tiles). A\n"
      "bundle is an SQLite archive of the same files (sqlite3 FILE -Ax). Only what is new is\n"
      "written, the checkpoint last; a run that was interrupted is gone on with by the next. It\n"
      "works beside a running server. The events log holds claims and addresses: see who can read\n"
      "its files.\n"
      "Exit code 1 when not all could be written, or DIR holds another log.\n"
      "Examples:\n"
      "  chancery log export --config chancery.yaml --tiles /srv/log\n"
      "  chancery log export --config chancery.yaml --tiles /srv/audit --log events --format json\n"
      "  chancery log export --config chancery.yaml --bundle 2026-q4.sqlar --log both\n"
      "  chancery log export --state /backup/chancery --tiles copy --log both");
  CLI::App* from = command->add_option_group("From", "one of");
  from->add_option("--config", options->config, "chancery.yaml")->check(CLI::ExistingFile);
  from->add_option("--state", options->state, "a state directory: no log.v3.json is written")
      ->check(CLI::ExistingDirectory);
  from->require_option(1);
  CLI::App* to = command->add_option_group("To", "one of");
  to->add_option("--tiles", options->directory, "directory, made when there is none");
  to->add_option("--bundle", options->bundle, "one file instead, made when there is none");
  to->require_option(1);
  command->add_option("--log", options->log, "certificates, events or both")
      ->check(CLI::IsMember({"certificates", "events", "both"}))
      ->capture_default_str();
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    const auto result = RunExport(*options);
    if (!result) std::fprintf(stderr, "chancery: %s\n", result.error().Describe().c_str());
    exit_code = result ? *result : 1;
  });
}

}  // namespace ca
