#include "ca/tsa/kept_chains.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "schema/base/file.h"

namespace ca {

using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

constexpr const char* kFolder = "timestamp-chains";
constexpr std::size_t kDigestOctets = 8;

// 20261128T014500Z of 2026-11-28T01:45:00Z: names sort by it.
std::string Compact(schema::Time time) {
  std::string text = schema::Rfc3339(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string DigestOf(const TimestampChain& chain) {
  return schema::Hex(schema::BytesView(chain.digest).first(kDigestOctets));
}

// Names of files that are whole: others are on their way (schema::ReplaceFile).
Result<std::vector<std::filesystem::path>> Files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->path().extension() == ".pem") files.push_back(at->path());
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return Error{&schema::kFileUnreadable, folder.string() + ": " + failed.message()};
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::vector<TimestampChain>> KeptTimestampChains(const std::filesystem::path& state) {
  std::vector<TimestampChain> chains;
  TRY(const auto files, Files(state / kFolder));
  for (const std::filesystem::path& file : files) {
    TRY(const std::string pem, schema::ReadFile(file));
    // It was valid when it was kept, and may have expired since.
    auto chain = LoadTimestampChain(pem, std::nullopt);
    if (!chain) return Error{chain.error().kind, file.string() + ": " + chain.error().detail};
    chains.push_back(*std::move(chain));
  }
  return chains;
}

Outcome KeepTimestampChain(const std::filesystem::path& state, const TimestampChain& chain,
                           schema::Time now) {
  TRY(const auto files, Files(state / kFolder));
  const std::string digest = DigestOf(chain);
  for (const std::filesystem::path& file : files) {
    if (file.stem().string().ends_with("-" + digest)) return schema::Ok();
  }
  std::error_code failed;
  std::filesystem::create_directory(state / kFolder, failed);
  if (failed) {
    return Error{&schema::kFileUnwritable, (state / kFolder).string() + ": " + failed.message()};
  }
  std::string pem;
  for (const std::string& certificate : chain.pem) pem += certificate + "\n";
  return schema::ReplaceFile(state / kFolder / (Compact(now) + "-" + digest + ".pem"), pem);
}

}  // namespace ca
