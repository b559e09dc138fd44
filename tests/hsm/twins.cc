#include "tests/hsm/twins.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "schema/base/file.h"

namespace tests {

namespace fs = std::filesystem;

namespace {

std::string ReadAll(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void ReplaceIn(const fs::path& file, std::string_view what, std::string_view with) {
  std::string text = ReadAll(file);
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), with);
  support::WriteFile(file, text);
}

// SoftHSM's token is a directory named by a UUID; its serial is the UUID's last 16 digits.
fs::path OnlyToken(const fs::path& tokens) {
  for (const auto& entry : fs::directory_iterator(tokens)) return entry.path();
  FAIL("no token");
  return {};
}

constexpr std::string_view kCopy = "00000000-0000-0000-0000-0000000000b2";
constexpr std::string_view kCopySerial = "00000000000000b2";

}  // namespace

Twins::Twins(const TwinOptions& options) : state_({.log_key_in_token = options.log_key_too}) {
  const fs::path original = OnlyToken(state_.token().tokens());
  const fs::path copy = Tokens("right");
  fs::copy(original, copy, fs::copy_options::recursive);
  const std::string uuid = original.filename().string();
  const std::string serial = uuid.substr(19, 4) + uuid.substr(24);
  ReplaceIn(copy / "token.object", "chancery", "chancerb");
  ReplaceIn(copy / "token.object", serial, kCopySerial);
  for (const std::string_view twin : {"left", "right"}) {
    fs::create_directory(state_.directory() / twin);
    fs::create_symlink(Beside("libfaulty_module.so"),
                       state_.directory() / twin / "libfaulty_module.so");
  }
  support::StateOptions written;
  written.sign_deadline = options.sign_deadline;
  written.log_key_in_token = options.log_key_too;
  state_.Configure(written);
  const auto text = schema::ReadFile(state_.config_file());
  REQUIRE(text.has_value());
  std::string config = *text;
  for (const std::string label : {"ca", "log"}) {
    const std::string uri = "\"" + state_.token().Uri(label) + "\"";
    const auto at = config.find(uri);
    if (at != std::string::npos) config.replace(at, uri.size(), Entries(label, options));
  }
  support::WriteFile(state_.config_file(), config, 0644);
}

std::string Twins::Entries(std::string_view label, const TwinOptions& options) const {
  const auto entry = [&](std::string_view name, std::string_view token, const std::string& more) {
    return "{name: " + std::string(name) + ", uri: \"pkcs11:token=" + std::string(token) +
           ";object=" + std::string(label) +
           "?module-path=" + (state_.directory() / name / "libfaulty_module.so").string() +
           "&pin-source=file:pin\", sessions: " + std::to_string(options.sessions) + more + "}";
  };
  return "[" + entry("left", "chancery", options.left) + ", " +
         entry("right", "chancerb", options.right) + "]";
}

void Twins::Ask(std::string_view twin, std::string_view fault, std::string_view argument) const {
  support::WriteFile(state_.directory() / twin / fault, argument);
}

void Twins::Unask(std::string_view twin, std::string_view fault) const {
  fs::remove(state_.directory() / twin / fault);
}

fs::path Twins::Tokens(std::string_view twin) const {
  if (twin == "right") return state_.token().tokens() / kCopy;
  for (const auto& entry : fs::directory_iterator(state_.token().tokens())) {
    if (entry.path().filename() != kCopy) return entry.path();
  }
  FAIL("no token");
  return {};
}

void Twins::Remove(std::string_view twin) const {
  fs::rename(Tokens(twin), state_.directory() / twin / "away");
}

void Twins::Restore(std::string_view twin) const {
  REQUIRE_EQ(twin, "right");
  fs::rename(state_.directory() / twin / "away", Tokens(twin));
}

void Twins::MakeStranger() const {
  const fs::path original = Tokens("left");
  const fs::path kept = state_.directory() / "kept";
  const fs::path stranger = state_.directory() / "right" / "stranger";
  fs::copy(original, kept, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(original)) {
    if (entry.path().filename() != "token.object") fs::remove(entry.path());
  }
  state_.token().MakeKeyPair("ca", "01");
  fs::rename(original, stranger);
  fs::rename(kept, original);
  fs::copy_file(Tokens("right") / "token.object", stranger / "token.object",
                fs::copy_options::overwrite_existing);
}

void Twins::RestoreEstranged() const {
  fs::rename(state_.directory() / "right" / "stranger", Tokens("right"));
}

hsm::CustodyState::Token Twins::Of(const hsm::Custody& custody, std::string_view twin) {
  for (const auto& token : custody.State().tokens) {
    if (token.role == "issuing" && token.name == twin) return token;
  }
  FAIL("no such token");
  return {};
}

}  // namespace tests
