#include "http/commands/trust_export.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "http/commands/trust_documents.h"

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
  TRY(const auto documents, TrustDocuments(file));
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) return schema::Error{&kCannotWrite, directory.string() + ": " + failed.message()};
  for (const auto& [name, text] : documents) TRY(WriteFile(directory / name, text));
  return schema::Ok();
}

}  // namespace

void RegisterTrustExport(CLI::App& trust, int& exit_code) {
  CLI::App* command = trust.add_subcommand(
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
