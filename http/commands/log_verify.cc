#include "http/commands/log_verify.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ca/audit/verify.h"
#include "http/fetch.h"
#include "schema/base/file.h"
#include "schema/base/json.h"

namespace http {
namespace {

using ca::audit::Report;
using ca::audit::ShardSource;
using ca::audit::Source;
using schema::Json;
using schema::Result;
using Clock = std::chrono::steady_clock;

constexpr int kFound = 1;
constexpr int kNotRead = 3;
constexpr std::size_t kTrustBytesMax = std::size_t{16} << 20;

struct Asked {
  std::string log, shard;
  std::vector<std::string> certificates, events;
  std::string trusted_root, keys, ca_file;
  bool no_signatures = false;
  std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::optional<std::size_t> quorum;
  std::string format = "text";
};

const schema::ErrorKind kBadExport{"bad-export", schema::Fault::kCaller,
                                   "not the shards of both logs, as `log export` writes them"};

// The names below <log>/ in a directory or bundle.
Result<std::vector<std::string>> ShardsOf(const Asked& asked, ca::Bundle* bundle, const char* log) {
  std::vector<std::string> shards;
  if (bundle != nullptr) {
    TRY(const auto names, bundle->Find(std::string(log) + "/*/checkpoint"));
    for (const std::string& name : names) {
      shards.push_back(std::filesystem::path(name).parent_path().filename());
    }
    return shards;
  }
  std::error_code failed;
  for (std::filesystem::directory_iterator it(std::filesystem::path(asked.log) / log, failed), end;
       !failed && it != end; it.increment(failed)) {
    if (it->is_directory()) shards.push_back(it->path().filename());
  }
  return shards;
}

std::unique_ptr<Source> OpenBase(const std::string& base, const Asked& asked,
                                 schema::Fetcher& fetcher) {
  if (!base.starts_with("http://") && !base.starts_with("https://")) {
    return ca::audit::OpenDirectory(base);
  }
  schema::FetchRequest request;
  request.url = base;
  request.ca_file = asked.ca_file;
  request.timeout = std::chrono::seconds(60);
  return ca::audit::OpenServer(fetcher, std::move(request));
}

// All shards of a log in what was asked for.
Result<std::vector<ShardSource>> OpenAll(const Asked& asked,
                                         const std::shared_ptr<ca::Bundle>& bundle,
                                         const char* log) {
  TRY(const auto shards, ShardsOf(asked, bundle.get(), log));
  if (shards.empty()) {
    return schema::Error{&kBadExport, asked.log + " has no shard of the " + log + " log"};
  }
  std::vector<ShardSource> sources;
  for (const std::string& shard : shards) {
    const std::string base = std::string(log) + '/' + shard;
    sources.push_back(
        {shard, bundle ? ca::audit::OpenBundle(bundle, base)
                       : ca::audit::OpenDirectory(std::filesystem::path(asked.log) / base)});
  }
  return sources;
}

// The last part of a path or URL is the shard's name.
std::vector<ShardSource> OpenBases(const std::vector<std::string>& bases, const Asked& asked,
                                   schema::Fetcher& fetcher) {
  std::vector<ShardSource> sources;
  for (std::string base : bases) {
    while (base.ends_with('/')) base.pop_back();
    sources.push_back({base.substr(base.rfind('/') + 1), OpenBase(base, asked, fetcher)});
  }
  return sources;
}

Result<ca::audit::Sources> OpenBoth(const Asked& asked, schema::Fetcher& fetcher) {
  ca::audit::Sources opened;
  if (asked.log.empty()) {
    opened.certificates = OpenBases(asked.certificates, asked, fetcher);
    opened.events = OpenBases(asked.events, asked, fetcher);
  } else {
    std::shared_ptr<ca::Bundle> bundle;
    if (!std::filesystem::is_directory(asked.log)) {
      TRY(bundle, ca::Bundle::Open(asked.log));
    }
    TRY(opened.certificates, OpenAll(asked, bundle, "certificates"));
    TRY(opened.events, OpenAll(asked, bundle, "events"));
  }
  if (asked.shard.empty()) return opened;
  bool found = false;
  for (ShardSource& source : opened.certificates) {
    source.checked = source.name == asked.shard;
    found = found || source.checked;
  }
  if (found) return opened;
  return schema::Error{&kBadExport, "--shard: no shard " + asked.shard + " of certificates"};
}

// One line on a terminal, rewritten four times a second; elsewhere a line every ten seconds.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (terminal_ && shown_) std::fputs("\r\033[K", stderr);
  }
  void Show(std::uint64_t done, std::uint64_t total) {
    const auto now = Clock::now();
    if (now < next_ || total == 0) return;
    next_ = now + (terminal_ ? std::chrono::milliseconds(250) : std::chrono::seconds(10));
    const std::chrono::duration<double> took = now - start_;
    const double left = took.count() * static_cast<double>(total - done) /
                        static_cast<double>(std::max<std::uint64_t>(done, 1));
    std::fprintf(stderr, "%sverifying: %llu of %llu, %3.0f %%, %.0f s left%s",
                 terminal_ ? "\r" : "", static_cast<unsigned long long>(done),
                 static_cast<unsigned long long>(total),
                 100.0 * static_cast<double>(done) / static_cast<double>(total), left,
                 terminal_ ? "\033[K" : "\n");
    shown_ = true;
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::seconds(terminal_ ? 0 : 10);
  bool shown_ = false;
};

Result<Report> Run(const Asked& asked) {
  TRY(const std::string root, schema::ReadFile(asked.trusted_root, kTrustBytesMax));
  TRY(const std::string keys, schema::ReadFile(asked.keys, kTrustBytesMax));
  TRY(const ca::audit::Anchors anchors, ca::audit::ReadAnchors(root, keys));
  const auto fetcher = MakeFetcher();
  TRY(const ca::audit::Sources sources, OpenBoth(asked, *fetcher));
  ca::audit::Options options;
  options.signatures = !asked.no_signatures;
  options.threads = asked.threads;
  options.quorum = asked.quorum.value_or(anchors.witnesses.size());
  ProgressLine line;
  return ca::audit::Verify(
      sources, anchors, options,
      [&line](std::uint64_t done, std::uint64_t total) { line.Show(done, total); });
}

Json LogJson(const ca::audit::LogReport& log) {
  return {{"shard", log.shard},
          {"origin", log.origin},
          {"size", log.size},
          {"root_sha256", schema::Hex(log.root)},
          {"witnesses", log.witnesses}};
}

// Those before the newest of each log.
Json ClosedJson(const Report& report) {
  Json closed = Json::array();
  for (const auto& [name, logs] :
       {std::pair("certificates", &report.certificates), std::pair("events", &report.events)}) {
    for (std::size_t i = 0; i + 1 < logs->size(); ++i) {
      closed.push_back(LogJson((*logs)[i]));
      closed.back()["log"] = name;
    }
  }
  return closed;
}

Json ToJson(const Report& report) {
  const auto& counts = report.counts;
  Json found = Json::array();
  for (const auto& finding : report.findings.kept()) {
    found.push_back({{"id", finding.id}, {"where", finding.where}, {"detail", finding.detail}});
  }
  Json totals = Json::object();
  for (const auto& [id, count] : report.findings.counts()) totals[std::string(id)] = count;
  return {{"verified", report.findings.empty()},
          {"certificates", LogJson(report.certificates.back())},
          {"events", LogJson(report.events.back())},
          {"closed", ClosedJson(report)},
          {"granted", counts.granted},
          {"issued", counts.issued},
          {"outcome_unknown", counts.unknown},
          {"outcome_open", counts.open},
          {"events_beyond", counts.beyond},
          {"other_events", counts.others},
          {"signature_counts", counts.signature_counts},
          {"signatures_checked", report.signatures_checked},
          {"seconds", report.cost.took.count()},
          {"cpu_seconds", report.cost.cpu.count()},
          {"signatures_alone_seconds", report.signatures_alone.took.count()},
          {"signatures_alone_cpu_seconds", report.signatures_alone.cpu.count()},
          {"findings", std::move(found)},
          {"findings_by_id", std::move(totals)}};
}

void PrintLog(const char* name, const ca::audit::LogReport& log) {
  std::printf("%-14s %s: %llu entries, root %s\n", name, log.origin.c_str(),
              static_cast<unsigned long long>(log.size), schema::Hex(log.root).c_str());
  for (const std::string& witness : log.witnesses) {
    std::printf("%-14s cosigned by %s\n", "", witness.c_str());
  }
}

void Print(const Report& report) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  const auto& counts = report.counts;
  for (const ca::audit::LogReport& log : report.certificates) PrintLog("certificates", log);
  for (const ca::audit::LogReport& log : report.events) PrintLog("events", log);
  std::printf(
      "issued         %llu of %llu granted; outcome unknown %llu (counts as issued), "
      "open %llu\n",
      number(counts.issued), number(counts.granted), number(counts.unknown), number(counts.open));
  if (report.signatures_checked > 0) {
    std::printf("signatures     %llu checked; %.1f s in all, %.1f s for these alone\n",
                number(report.signatures_checked), report.cost.took.count(),
                report.signatures_alone.took.count());
  } else {
    std::printf("signatures     not checked; %.1f s in all\n", report.cost.took.count());
  }
  std::printf(
      "signed         %llu counts of signatures compared with what was granted and issued\n",
      number(counts.signature_counts));
  for (const auto& finding : report.findings.kept()) {
    std::printf("FOUND          %s: %s: %s\n", std::string(finding.id).c_str(),
                finding.where.c_str(), finding.detail.c_str());
  }
  for (const auto& [id, count] : report.findings.counts()) {
    if (count > ca::audit::Findings::kKeptOfEach) {
      std::printf("FOUND          %s: %llu in all\n", std::string(id).c_str(), number(count));
    }
  }
  if (report.findings.empty()) {
    std::printf("verified       both logs\n");
  } else {
    std::printf("NOT VERIFIED   %llu findings\n", number(report.findings.total()));
  }
}

int Show(const Result<Report>& report, const std::string& format) {
  if (!report) {
    std::fprintf(stderr, "log verify: %s\n", report.error().Describe().c_str());
    return kNotRead;
  }
  if (format == "json") {
    std::printf("%s\n",
                ToJson(*report).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    Print(*report);
  }
  return report->findings.empty() ? 0 : kFound;
}

}  // namespace

void RegisterLogVerify(CLI::App& app, int& exit_code) {
  CLI::App* command = app.get_subcommand("log")->add_subcommand(
      "verify", "Read both logs whole and prove them anew, each against the other");
  command->footer(
      "Exit status: 0 verified, 1 something was found, 2 wrong usage, 3 a file could not be read.\n"
      "The trust documents are the reviewer's own copy (chancery trust export), not the server's.\n"
      "Examples:\n"
      "  chancery log verify export/ --trusted-root trusted_root.json --keys log-keys.txt\n"
      "  chancery log verify --certificates https://ca.example.org/log/certificates/2026 \\\n"
      "      --events http://127.0.0.1:5556/log/events/2026 \\\n"
      "      --trusted-root trusted_root.json --keys log-keys.txt --format json\n"
      "Where a log has several shards, all are proved, and that each follows the one before.");
  auto asked = std::make_shared<Asked>();
  auto* log =
      command->add_option("LOG", asked->log, "directory or bundle that `chancery log export` wrote")
          ->check(CLI::ExistingPath);
  auto* certificates =
      command->add_option("--certificates", asked->certificates,
                          "URL or directory of a shard of that log; once for each, all of them");
  auto* events = command->add_option("--events", asked->events, "the same of the events log");
  command->add_option("--shard", asked->shard,
                      "look only at this shard of certificates; the others' checkpoints are read");
  certificates->needs(events);
  events->needs(certificates);
  certificates->excludes(log);
  command->add_option("--trusted-root", asked->trusted_root, "TrustedRoot with every issuing CA")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--keys", asked->keys, "verifier keys of both logs and of witnesses, one a line")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--ca-file", asked->ca_file, "PEM of who certifies the servers' TLS keys")
      ->check(CLI::ExistingFile);
  command->add_option("--quorum", asked->quorum,
                      "witnesses whose cosignature a checkpoint needs (default: all of --keys)");
  command->add_option("--threads", asked->threads, "threads that check (default: one a core)")
      ->check(CLI::Range(1, 256));
  command->add_flag("--no-signatures", asked->no_signatures,
                    "leave out the signatures of certificates and SCTs");
  command->add_option("--format", asked->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command->callback([asked, &exit_code] {
    if (asked->log.empty() && asked->certificates.empty()) {
      throw CLI::ValidationError("name a LOG, or --certificates and --events");
    }
    exit_code = Show(Run(*asked), asked->format);
  });
}

}  // namespace http
