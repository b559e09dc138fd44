// Where a PIN comes from, as the pin-source of a key's URI says (RFC 7512 2.4).
//
//   file:PATH          a file that nobody else can read
//   credential:NAME    a file in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=)
//   |/PROGRAM ARG …    what the program writes to its standard output. No shell: the words are
//                      separated by single spaces and taken as they are
//   prompt:            a person at the terminal, asked once for each token at the start
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"

namespace hsm {

enum class PinKind { kNone, kFile, kCredential, kCommand, kPrompt };

struct PinSource {
  PinKind kind = PinKind::kNone;
  std::filesystem::path file = {};        // kFile: absolute; kCredential: the name alone
  std::string asks_for = {};              // kPrompt: what the PIN is of, for the person
  std::vector<std::string> command = {};  // kCommand: absolute program, then its arguments

  bool given() const { return kind != PinKind::kNone; }
  // For people: "/etc/chancery/pin", "credential pin", "command /usr/bin/get-pin", "the terminal".
  std::string Text() const;
  // What a person has to do after a refusal.
  std::string Remedy() const;
  // One for each source, arguments included; for the names of files and of gates.
  std::string Key() const;
  friend bool operator==(const PinSource&, const PinSource&) = default;
};

// `text` is decoded already. kKeyUnusable for anything but the above; a detail never holds more of
// it than its kind. Relative files start at `directory`.
schema::Result<PinSource> ParsePinSource(std::string_view text,
                                         const std::filesystem::path& directory,
                                         std::string asks_for);

}  // namespace hsm
