#include "schema/log/witness.h"

#include "schema/base/base64.h"
#include "schema/log/lines.h"
#include "schema/log/tls.h"

namespace schema {

const ErrorKind kBadAddCheckpoint{"bad-add-checkpoint", Fault::kCaller,
                                  "the request is not one of tlog-witness"};

namespace {

constexpr std::size_t kProofMax = 63;  // tlog-witness; a tree has at most 2^63 entries
constexpr std::size_t kEd25519Bytes = 64;
constexpr std::size_t kTimeBytes = 8;

Error Bad(std::string_view why) { return Error{&kBadAddCheckpoint, std::string(why)}; }

std::uint64_t Seconds(Time time) {
  const std::int64_t seconds = time.time_since_epoch().count();
  MUST(seconds >= 0);
  return static_cast<std::uint64_t>(seconds);
}

}  // namespace

std::string CosignatureInput(Time time, std::string_view text) {
  return "cosignature/v1\ntime " + std::to_string(Seconds(time)) + "\n" + std::string(text);
}

Bytes Cosignature(Time time, BytesView ed25519) {
  MUST(ed25519.size() == kEd25519Bytes);
  Bytes out;
  tls::PutUint<kTimeBytes>(out, Seconds(time));
  tls::Put(out, ed25519);
  return out;
}

Result<CosignatureParts> ParseCosignature(BytesView signature) {
  // The first bit of the time is 0: it is at most 2^63 - 1.
  if (signature.size() != kTimeBytes + kEd25519Bytes || signature[0] > 0x7f) {
    return Bad("not a timestamped Ed25519 signature");
  }
  std::int64_t seconds = 0;
  for (const std::uint8_t octet : signature.first(kTimeBytes)) seconds = seconds << 8 | octet;
  return CosignatureParts{Time(std::chrono::seconds(seconds)), signature.subspan(kTimeBytes)};
}

std::string AddCheckpointText(std::uint64_t old_size, const std::vector<Hash>& proof,
                              std::string_view checkpoint) {
  MUST(proof.size() <= kProofMax);
  std::string out = "old " + std::to_string(old_size) + "\n";
  for (const Hash& hash : proof) out.append(Base64(hash)).append("\n");
  return out.append("\n").append(checkpoint);
}

Result<AddCheckpoint> ParseAddCheckpoint(std::string_view text) {
  constexpr std::string_view kOld = "old ";
  const auto first = TakeLine(text);
  if (!first || !first->starts_with(kOld)) return Bad("no line with the old size");
  const auto old_size = ParseDecimal(first->substr(kOld.size()));
  if (!old_size) return Bad("no decimal old size");
  std::vector<Hash> proof;
  while (true) {
    const auto line = TakeLine(text);
    if (!line) return Bad("no empty line before the checkpoint");
    if (line->empty()) break;
    if (proof.size() == kProofMax) return Bad("more than 63 hashes");
    const auto hash = DecodeHash(*line);
    if (!hash) return Bad("a line of the proof is no base64 of a hash");
    proof.push_back(*hash);
  }
  auto note = ParseNote(text);
  if (!note) return Bad(note.error().detail);
  auto body = ParseCheckpointText(note->text);
  if (!body) return Bad(body.error().detail);
  return AddCheckpoint{*old_size, std::move(proof), *std::move(note), *std::move(body)};
}

std::string NoteText(const Note& note) {
  std::string out = note.text + "\n";
  for (const Note::Line& line : note.lines) {
    out += SignatureLine(line.name, line.key_id, line.signature);
  }
  return out;
}

std::string OriginPath(std::string_view origin) { return Hex(Sha256(AsBytes(origin))); }

}  // namespace schema
