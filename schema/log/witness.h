// C2SP tlog-cosignature (cosignature/v1) and tlog-witness (add-checkpoint).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/checkpoint.h"

namespace schema {

extern const ErrorKind kBadAddCheckpoint;  // kCaller

// What a cosignature signs: "cosignature/v1", the time, and the checkpoint's text.
std::string CosignatureInput(Time time, std::string_view text);
// timestamped_signature: u64 seconds ‖ 64 octets Ed25519.
Bytes Cosignature(Time time, BytesView ed25519);
struct CosignatureParts {
  Time time;
  BytesView ed25519;  // into what was parsed
};
// Exactly 72 octets with a time below 2^63.
Result<CosignatureParts> ParseCosignature(BytesView signature);

// The body of a request for a cosignature.
//
//   old <size>\n(<base64 hash>\n)*\n<checkpoint>
struct AddCheckpoint {
  std::uint64_t old_size;
  std::vector<Hash> proof;  // of consistency from old_size; at most 63
  Note note;
  CheckpointBody body;  // of the note's text
};
std::string AddCheckpointText(std::uint64_t old_size, const std::vector<Hash>& proof,
                              std::string_view checkpoint);
// The checkpoint has no extension lines. Safe on any bytes.
Result<AddCheckpoint> ParseAddCheckpoint(std::string_view text);

// A note's text and lines, as they were before parsing.
std::string NoteText(const Note& note);

// What a witness serves the newest checkpoint of a log under: <prefix>/<OriginPath>/checkpoint.
std::string OriginPath(std::string_view origin);

}  // namespace schema
