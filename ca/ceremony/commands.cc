#include "ca/ceremony/commands.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "ca/ceremony/names.h"
#include "ca/ceremony/steps.h"
#include "ca/ceremony/text.h"
#include "ca/ceremony/words.h"
#include "ca/text.h"
#include "hsm/commands.h"
#include "hsm/custody.h"
#include "hsm/harden.h"
#include "schema/base/file.h"

namespace ca {

using namespace ceremony;  // NOLINT(google-build-using-namespace): this file is its command line
using schema::Json;
using schema::Outcome;
using schema::Result;

namespace {

constexpr int kExitFailed = 1;
constexpr std::size_t kTranscriptBytes = 8 * 1024 * 1024;

struct RunOptions {
  std::string file, out, step, module = kSoftHsmModule;
  bool rehearse = false, testing = false;
};
struct VerifyOptions {
  std::string file, format = "text";
  bool unfinished = false;
};

Result<Plan> LoadPlan(const std::filesystem::path& file) {
  TRY(const std::string text, schema::ReadFile(file));
  return ParsePlan(text, std::filesystem::absolute(file).parent_path());
}

// The one that was asked for, or all that are left.
Outcome HoldAll(const RunOptions& options, const Hall& hall) {
  if (!options.step.empty()) return HoldStep(*StepOf(options.step), hall);
  const auto next = hall.transcript.record().next();
  if (!next) return schema::Error{&kCannotHold, "every step of this transcript is sealed"};
  for (auto i = static_cast<std::size_t>(*next); i < kSteps; ++i) {
    TRY(HoldStep(static_cast<Step>(i), hall));
  }
  return schema::Ok();
}

Result<int> Run(const RunOptions& options, const std::filesystem::path& program) {
  TRY(const Plan plan, LoadPlan(options.file));
  const std::filesystem::path out = options.out;
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) return schema::Error{&schema::kFileUnwritable, out.string() + ": " + error.message()};
  TRY(const schema::Hash digest, schema::FileDigest(program));
  std::unique_ptr<Rehearsal> rehearsal;
  if (options.rehearse) {
    TRY(rehearsal, Rehearsal::Begin(options.module));
  }
  Keys keys(plan, rehearsal.get(), out);
  TRY(Transcript transcript, Transcript::Open(out / "transcript.jsonl"));
  TerminalWitnesses terminal;
  NoWitnesses nobody;
  const schema::SystemClock clock;
  const Hall hall{plan,
                  transcript,
                  keys,
                  options.testing ? static_cast<Witnesses&>(nobody) : terminal,
                  clock,
                  out,
                  schema::Hex(digest),
                  options.rehearse,
                  options.testing,
                  [](const std::string& line) { std::printf("%s\n", Plain(line).c_str()); }};
  TRY(HoldAll(options, hall));
  const Record& record = transcript.record();
  if (const auto next = record.next()) {
    std::printf("next: --step %s, where its keys are\n", std::string(StepName(*next)).c_str());
  }
  return 0;
}

// What was proved, for people and machines.
Json Summary(const Record& record) {
  Json keys = Json::object(), certificates = Json::object();
  for (const std::string_view name :
       {kRoot, kPreviousRoot, kIssuing, kLog, kPrecertificate, kTimestamp}) {
    if (const schema::SpkiDer* spki = record.Key(name)) {
      keys[std::string(name)] = schema::Hex(schema::Sha256(spki->view()));
    }
  }
  for (const std::string_view name : {kRoot, kPreviousRoot, kRenewed, kOldWithNew, kNewWithOld,
                                      kIssuing, kPrecertificate, kTimestamp}) {
    if (const CaCertificate* certificate = record.Certificate(name)) {
      certificates[std::string(name)] = schema::Hex(schema::Sha256(certificate->der.view()));
    }
  }
  const auto next = record.next();
  return {{"name", record.plan()->name},
          {"plan_sha256", schema::Hex(record.plan()->digest)},
          {"rehearsal", record.rehearsal()},
          {"testing", record.testing()},
          {"next", next ? Json(StepName(*next)) : Json()},
          {"keys", std::move(keys)},
          {"certificates", std::move(certificates)}};
}

void PrintSummary(const Json& summary) {
  std::printf("%s: chain, signatures, attributes, lints and confirmations hold\n",
              Plain(summary["name"].get<std::string>()).c_str());
  for (const char* kind : {"keys", "certificates"}) {
    for (const auto& [name, digest] : summary[kind].items()) {
      std::printf("  %-12s %-16s %s\n",
                  std::string(kind).substr(0, std::string(kind).size() - 1).c_str(), name.c_str(),
                  digest.get<std::string>().c_str());
    }
  }
  if (summary["rehearsal"] == true) std::printf("a rehearsal: its keys are gone\n");
  if (summary["testing"] == true) std::printf("a test: not every witness was asked\n");
  if (!summary["next"].is_null()) {
    std::printf("not complete: step %s is to come\n", summary["next"].get<std::string>().c_str());
  }
}

Result<int> Verify(const VerifyOptions& options) {
  TRY(const std::string text, schema::ReadFile(options.file, kTranscriptBytes));
  TRY(const Record record, ReadTranscript(text));
  const Json summary = Summary(record);
  if (options.format == "print") {
    std::fputs(PrintableText(text).c_str(), stdout);
  } else if (options.format == "json") {
    std::printf("%s\n", summary.dump(2).c_str());
  } else {
    PrintSummary(summary);
  }
  return record.next() && !options.unfinished ? kExitFailed : 0;
}

void Finish(const Result<int>& result, int& exit_code) {
  if (result) {
    exit_code = *result;
    return;
  }
  std::fprintf(stderr, "chancery: %s\n", Plain(result.error().Describe()).c_str());
  exit_code = result.error().Is(hsm::kPinRefused) ? hsm::kExitPinRefused : kExitFailed;
}

void RegisterRun(CLI::App& ceremony, const std::filesystem::path& program, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = ceremony.add_subcommand(
      "run", "Make the keys and certificates of a CA as a file plans them, before witnesses");
  command->footer(
      "Steps: root, issuing-request, issuing-sign, finish. Where the root is offline, hold each "
      "where its keys are, and carry DIR from machine to machine: it holds the transcript, the "
      "request and the certificates, and no secret. Without --step all that are left are held. A "
      "step that was interrupted is held again by the same command.\n"
      "Exit code 77 when a token refused its PIN.\n"
      "Examples:\n"
      "  chancery ceremony run ceremony.yaml --rehearse --out rehearsal\n"
      "  chancery ceremony run ceremony.yaml --out ca-2026 --step root\n"
      "  chancery ceremony run ceremony.yaml --out ca-2026 --step issuing-request");
  command->add_option("FILE", options->file, "ceremony.yaml")->required()->check(CLI::ExistingFile);
  command->add_option("--out", options->out, "directory of transcript, request and certificates")
      ->required();
  CLI::Option* step =
      command->add_option("--step", options->step, "only this one")
          ->check(CLI::IsMember({"root", "issuing-request", "issuing-sign", "finish"}));
  CLI::Option* rehearse = command
                              ->add_flag("--rehearse", options->rehearse,
                                         "in SoftHSM tokens that are thrown away, by the same file")
                              ->excludes(step);
  command->add_option("--rehearse-module", options->module, "where SoftHSM is")
      ->needs(rehearse)
      ->capture_default_str();
  command->add_flag("--yes-i-am-testing", options->testing,
                    "ask no witness; the transcript says so");
  command->callback([options, program, &exit_code] {
    if (!options->testing && (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)) {
      throw CLI::ValidationError("witnesses type on a terminal; --yes-i-am-testing asks nobody");
    }
    hsm::HardenProcess();
    Finish(Run(*options, program), exit_code);
  });
}

void RegisterVerify(CLI::App& ceremony, int& exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = ceremony.add_subcommand(
      "verify", "Prove a transcript: hash chain, seals, certificates, lints, confirmations");
  command->footer(
      "Reads the transcript and nothing else. Exit code 1 when it does not hold or a step is to "
      "come.\n"
      "Examples:\n"
      "  chancery ceremony verify ca-2026/transcript.jsonl\n"
      "  chancery ceremony verify ca-2026/transcript.jsonl --unfinished\n"
      "  chancery ceremony verify ca-2026/transcript.jsonl --format print | lpr");
  command->add_option("TRANSCRIPT", options->file, "transcript.jsonl")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_flag("--unfinished", options->unfinished, "steps may be to come");
  command->add_option("--format", options->format, "text, json, or print: all of it, for paper")
      ->check(CLI::IsMember({"text", "json", "print"}))
      ->capture_default_str();
  command->callback([options, &exit_code] { Finish(Verify(*options), exit_code); });
}

}  // namespace

void RegisterCeremony(CLI::App& app, const std::filesystem::path& program, int& exit_code) {
  CLI::App* ceremony = app.add_subcommand("ceremony", "Hold a key ceremony, and prove one");
  ceremony->require_subcommand(1);
  RegisterRun(*ceremony, program, exit_code);
  RegisterVerify(*ceremony, exit_code);
}

}  // namespace ca
