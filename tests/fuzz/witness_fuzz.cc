// A request for a cosignature or a verifier key that parses is, octet for octet, what its parts
// make.
#include <cstdint>

#include "schema/log/verifier_key.h"
#include "schema/log/witness.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = schema::AsText({data, size});
  if (const auto request = schema::ParseAddCheckpoint(text)) {
    MUST(request->proof.size() <= 63);
    MUST(schema::AddCheckpointText(request->old_size, request->proof,
                                   schema::NoteText(request->note)) == text);
    MUST(schema::CheckpointText(request->body.origin, request->body.size, request->body.root) ==
         request->note.text);
    // Not one of the lines is this key's; each is looked at.
    for (const schema::Note::Line& line : request->note.lines) {
      (void)schema::ParseCosignature(line.signature);
    }
  } else {
    MUST(request.error().Is(schema::kBadAddCheckpoint));
  }
  if (const auto key = schema::ParseVerifierKey(text)) {
    MUST(key->Text() == text);
  } else {
    MUST(key.error().Is(schema::kBadVerifierKey));
  }
  return 0;
}
