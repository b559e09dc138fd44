#include "http/commands/trust_export.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "ca/log/stored_keys.h"
#include "ca/profile.h"
#include "ca/trust.h"
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
  TRY(WriteFile(directory / "trusted_root.json", ca::TrustedRoot(config, cas, keys)));
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
      "Write trusted_root.json, chain.pem, ct.pub and log-keys.txt, as the server shows them under "
      "/trust/");
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
