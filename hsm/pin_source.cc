#include "hsm/pin_source.h"

#include <algorithm>

#include "hsm/custody.h"

namespace hsm {

using schema::Error;
using schema::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFile = "file:";
constexpr std::string_view kCredential = "credential:";
constexpr std::string_view kPrompt = "prompt:";

Error Unusable(std::string why) {
  return Error{&kKeyUnusable, "URI: pin-source " + std::move(why)};
}

// "file:pin", "file:/abs/pin" and "file:///abs/pin" (RFC 8089).
Result<fs::path> PathOf(std::string_view text) {
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    if (!text.starts_with('/')) return Unusable("names a host");
  }
  if (text.empty()) return Unusable("names no file");
  return fs::path(text);
}

// As systemd takes names of credentials: one file name.
Result<fs::path> CredentialOf(std::string_view name) {
  const bool plain =
      !name.empty() && name.find('/') == std::string_view::npos && name != "." && name != "..";
  if (!plain) return Unusable("names no credential");
  return fs::path(name);
}

Result<std::vector<std::string>> CommandOf(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (!words.front().starts_with('/')) return Unusable("names no absolute path of a command");
  return words;
}

}  // namespace

std::string PinSource::Text() const {
  switch (kind) {
    case PinKind::kNone:
      return "none";
    case PinKind::kFile:
      return file.string();
    case PinKind::kCredential:
      return "credential " + file.string();
    case PinKind::kCommand:
      return "command " + command.front();  // its arguments are nobody's business
    case PinKind::kPrompt:
      return "the terminal";
  }
  return {};
}

std::string PinSource::Remedy() const {
  switch (kind) {
    case PinKind::kFile:
      return "it is not tried again until " + Text() + " changes: write the right PIN into it";
    case PinKind::kPrompt:
      return "it is not tried again: start again and enter the right PIN";
    default:
      return "it is not tried again: the right PIN has to come from " + Text();
  }
}

std::string PinSource::Key() const {
  std::string key = std::to_string(static_cast<int>(kind)) + " " + file.string();
  key += asks_for;
  for (const std::string& word : command) key += " " + word;
  return kind == PinKind::kFile ? file.string() : key;
}

Result<PinSource> ParsePinSource(std::string_view text, const fs::path& directory,
                                 std::string asks_for) {
  if (text.find('\0') != std::string_view::npos) return Unusable("holds a NUL");
  PinSource source;
  if (text.starts_with('|')) {
    source.kind = PinKind::kCommand;
    TRY(source.command, CommandOf(text.substr(1)));
  } else if (text.starts_with(kFile)) {
    source.kind = PinKind::kFile;
    TRY(const fs::path file, PathOf(text.substr(kFile.size())));
    source.file = (directory / file).lexically_normal();
  } else if (text.starts_with(kCredential)) {
    source.kind = PinKind::kCredential;
    TRY(source.file, CredentialOf(text.substr(kCredential.size())));
  } else if (text == kPrompt) {
    source.kind = PinKind::kPrompt;
    source.asks_for = std::move(asks_for);
  } else {
    return Unusable("has to be file:PATH, credential:NAME, |/COMMAND or prompt:");
  }
  return source;
}

}  // namespace hsm
