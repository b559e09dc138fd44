// C2SP tlog-checkpoint and signed-note.
//
//   <origin>\n<size>\n<base64 root>\n            the signed text
//   \n— <name> <base64(key id[4] ‖ signature)>\n  one line per signature
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace schema {

extern const ErrorKind kBadCheckpoint;

// What a note's key name may be and an origin is: UTF-8, not empty, no spaces, no '+', no control
// characters.
bool IsNoteName(std::string_view name);

std::string CheckpointText(std::string_view origin, std::uint64_t size, const Hash& root);

struct CheckpointBody {
  std::string origin;
  std::uint64_t size;
  Hash root;
};
// Three lines and no extension lines. Safe on any bytes.
Result<CheckpointBody> ParseCheckpointText(std::string_view text);

// Key ids: the first four octets of SHA-256 over name, 0x0a, type and key (signed-note;
// static-ct-api).
std::array<std::uint8_t, 4> Ed25519KeyId(std::string_view name, BytesView public_key);  // type 01
std::array<std::uint8_t, 4> TreeHeadKeyId(std::string_view name, const Hash& log_id);   // type 05

// One signature line, with its newline.
std::string SignatureLine(std::string_view name, const std::array<std::uint8_t, 4>& key_id,
                          BytesView signature);
// RFC6962NoteSignature (type 05): u64 ms ‖ DigitallySigned.
Bytes TreeHeadNoteSignature(TimeMs timestamp, BytesView ecdsa_der);

struct Note {
  std::string text;  // with its last newline
  struct Line {
    std::string name;
    std::array<std::uint8_t, 4> key_id;
    Bytes signature;
  };
  std::vector<Line> lines;
};
// At most limits::kNoteBytes of text and 100 lines, each exactly as SignatureLine writes it. Safe
// on any bytes.
Result<Note> ParseNote(std::string_view note);

}  // namespace schema
