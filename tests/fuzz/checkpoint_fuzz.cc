// A checkpoint text or a note that parses is, octet for octet, what its parts make.
#include <cstdint>

#include "schema/base/limits.h"
#include "schema/log/checkpoint.h"

namespace {

void CheckText(std::string_view text) {
  const auto body = schema::ParseCheckpointText(text);
  if (!body) {
    MUST(body.error().Is(schema::kBadCheckpoint));
    return;
  }
  MUST(schema::CheckpointText(body->origin, body->size, body->root) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = schema::AsText({data, size});
  CheckText(text);
  const auto note = schema::ParseNote(text);
  if (!note) {
    MUST(note.error().Is(schema::kBadCheckpoint));
    return 0;
  }
  MUST(note->text.size() <= schema::limits::kNoteBytes && note->text.ends_with('\n'));
  MUST(!note->lines.empty());
  std::string again = note->text + "\n";
  for (const schema::Note::Line& line : note->lines) {
    again += schema::SignatureLine(line.name, line.key_id, line.signature);
  }
  MUST(again == text);
  CheckText(note->text);
  return 0;
}
