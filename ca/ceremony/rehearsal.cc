#include "ca/ceremony/rehearsal.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <array>

#include "hsm/harden.h"
#include "schema/base/file.h"

namespace ca::ceremony {

using schema::Result;
namespace fs = std::filesystem;

namespace {

std::string RandomPin() {
  std::array<std::uint8_t, 8> octets{};
  MUST(RAND_bytes(octets.data(), octets.size()) == 1);
  return schema::Hex(octets);
}

}  // namespace

Result<std::unique_ptr<Rehearsal>> Rehearsal::Begin(fs::path module) {
  std::unique_ptr<Rehearsal> out(new Rehearsal(std::move(module)));
  std::string pattern = (fs::temp_directory_path() / "chancery-rehearsal-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {  // mode 0700
    return schema::Error{&schema::kFileUnwritable, pattern};
  }
  out->directory_ = pattern;
  const fs::path tokens = out->directory_ / "tokens", settings = out->directory_ / "softhsm2.conf";
  fs::create_directory(tokens);
  TRY(schema::ReplaceFile(settings, "directories.tokendir = " + tokens.string() +
                                        "\nobjectstore.backend = file\nlog.level = ERROR\n"));
  TRY(schema::ReplaceFile(out->directory_ / "pin", RandomPin()));
  MUST(::chmod((out->directory_ / "pin").c_str(), 0400) == 0);
  hsm::SetModuleEnvironment({{"SOFTHSM2_CONF", settings.string()}});
  return out;
}

Rehearsal::~Rehearsal() {
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

Result<hsm::KeyUri> Rehearsal::Move(hsm::KeyUri uri, hsm::Cabinet& cabinet) {
  if (uri.token.empty()) uri.token = "serial " + uri.serial;
  uri.serial.clear();
  uri.manufacturer.clear();
  uri.model.clear();
  uri.module = module_;
  uri.pin = {.kind = hsm::PinKind::kFile, .file = directory_ / "pin"};
  if (!tokens_.contains(uri.token)) {
    TRY(cabinet.MakeToken(module_, uri.token, uri.pin));
    tokens_.insert(uri.token);
  }
  return uri;
}

fs::path Rehearsal::Move(const fs::path& file) const { return directory_ / file.filename(); }

}  // namespace ca::ceremony
