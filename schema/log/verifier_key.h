// Verifier keys of C2SP signed-note, and whether a note carries their signature.
//
//   <name>+<key id in hexadecimal>+<base64(type ‖ key)>
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/checkpoint.h"

namespace schema {

extern const ErrorKind kBadVerifierKey;  // kUs: the text is no verifier key of a type below
extern const ErrorKind kNotSigned;       // kUs: the note has no line of this key, or a wrong one

enum class NoteKeyType : std::uint8_t {
  kEd25519 = 0x01,      // 32 octets; signs the text
  kCosignature = 0x04,  // 32 octets, Ed25519; signs time and text (tlog-cosignature, v1)
  kTreeHead = 0x05,     // SubjectPublicKeyInfo of ECDSA P-256; RFC6962NoteSignature (static-ct-api)
};

struct VerifierKey {
  std::string name;  // IsNoteName
  NoteKeyType type;
  Bytes key;

  std::array<std::uint8_t, 4> Id() const;
  std::string Text() const;
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

// Exactly what Text writes, with a key that can be used. Safe on any bytes.
Result<VerifierKey> ParseVerifierKey(std::string_view text);

// The line with this key's name and id, whose signature verifies. Lines of other keys are not
// looked at; of several of this key the first counts.
Result<Note::Line> VerifyNote(const Note& note, const VerifierKey& key);

}  // namespace schema
