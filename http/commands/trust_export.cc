#include "http/commands/trust_export.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "ca/log/stored_keys.h"
#include "ca/profile.h"
#include "ca/trust.h"
#include "ca/tsa/kept_chains.h"
#include "hsm/rotation.h"
#include "schema/base/file.h"

namespace http {
namespace {

const schema::ErrorKind kCannotWrite = {"export-failed", schema::Fault::kUs,
                                        "a trust document could not be written"};

schema::Outcome WriteFile(const std::filesystem::path& path, const std::string& text) {
  // Written beside and renamed, so that a reader never sees half a trust root.
  const std::filesystem::path fresh = path.string() + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code failed;
  if (out) std::filesystem::rename(fresh, path, failed);
  if (!out || failed) return schema::Error{&kCannotWrite, path.string() + ": " + failed.message()};
  std::printf("%s\n", path.c_str());
  return schema::Ok();
}

// What the server kept, and the configured one when it has not run with it yet.
schema::Result<std::vector<ca::TimestampChain>> TimestampChains(const schema::Config& config) {
  TRY(std::vector<ca::TimestampChain> chains, ca::KeptTimestampChains(config.state));
  if (!config.tsa) return chains;
  TRY(const std::string pem, schema::ReadFile(config.tsa->chain));
  TRY(ca::TimestampChain chain, ca::LoadTimestampChain(pem, std::nullopt));
  const bool kept =
      std::ranges::any_of(chains, [&](const auto& one) { return one.digest == chain.digest; });
  if (!kept) chains.push_back(std::move(chain));
  return chains;
}

schema::Outcome Export(const std::string& file, const std::filesystem::path& directory) {
  TRY(const std::string text, schema::ReadFile(file));
  TRY(const schema::Config config, schema::ParseConfig(text, file));
  TRY(const schema::Rotation rotation, hsm::ReadRotation(config));
  TRY(const ca::IssuingCas cas,
      ca::IssuingCas::Load(config, rotation, schema::ToSeconds(schema::SystemClock().Now())));
  TRY(const ca::LogKeys keys, ca::StoredLogKeys(config));
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) return schema::Error{&kCannotWrite, directory.string() + ": " + failed.message()};
  TRY(const auto timestamps, TimestampChains(config));
  const std::string root = ca::TrustedRoot(config, cas, keys, timestamps);
  const std::string signing = ca::SigningConfig(config, cas);
  TRY(WriteFile(directory / "trusted_root.json", root));
  TRY(WriteFile(directory / "trusted_root.jsonl", ca::OneLine(root)));
  TRY(WriteFile(directory / "signing_config.v0.2.json", signing));
  TRY(WriteFile(directory / "client_trust_config.json", ca::ClientTrustConfig(root, signing)));
  TRY(WriteFile(directory / "ct.pub", ca::Pem("PUBLIC KEY", keys.log_key.view()) + "\n"));
  TRY(WriteFile(directory / "log-keys.txt", ca::LogVerifierKeys(config, keys)));
  std::string joined;
  for (const std::string& certificate : ca::AllCertificates(cas)) joined += certificate + "\n";
  return WriteFile(directory / "chain.pem", joined);
}

}  // namespace

void RegisterTrustExport(CLI::App& app, int& exit_code) {
  CLI::App* trust = app.add_subcommand("trust", "Trust material for verifiers");
  trust->require_subcommand(1);
  CLI::App* command = trust->add_subcommand(
      "export",
      "Write what clients and verifiers read: trusted_root.json, the same as JSON Lines for gh, "
      "signing_config.v0.2.json, client_trust_config.json, chain.pem, ct.pub and log-keys.txt, as "
      "the server shows them under /trust/");
  command->footer("Example:\n  chancery trust export --config /etc/chancery/chancery.yaml trust/");
  auto file = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  command->add_option("--config", *file, "chancery.yaml")->required()->check(CLI::ExistingFile);
  command->add_option("DIR", *directory, "where the files go; made when absent")->required();
  command->callback([file, directory, &exit_code] {
    if (const auto done = Export(*file, *directory); !done) {
      std::fprintf(stderr, "chancery: %s\n", done.error().Describe().c_str());
      exit_code = 1;
    }
  });
}

}  // namespace http
