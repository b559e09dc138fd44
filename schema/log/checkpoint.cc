#include "schema/log/checkpoint.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/log/lines.h"
#include "schema/log/sct.h"
#include "schema/log/tls.h"

namespace schema {

const ErrorKind kBadCheckpoint{"bad-checkpoint", Fault::kUs, "a checkpoint cannot be read"};

namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // U+2014 and a space
constexpr std::size_t kLinesMax = 100;
constexpr std::size_t kLineBytes = 16 * 1024;  // a post-quantum signature has its place in it

// Signature types of signed-note and static-ct-api.
constexpr std::uint8_t kEd25519Type = 0x01;
constexpr std::uint8_t kTreeHeadType = 0x05;

Error Bad(std::string_view why) { return Error{&kBadCheckpoint, std::string(why)}; }

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Result<Note::Line> ParseSignatureLine(std::string_view line) {
  if (line.size() > kLineBytes || !line.starts_with(kDash)) return Bad("not a signature line");
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return Bad("a signature line without a signature");
  const std::string_view name = line.substr(0, space);
  if (!IsNoteName(name)) return Bad("a signature line with an unusable name");
  const auto blob = DecodeBase64Strict(line.substr(space + 1));
  if (!blob || blob->size() <= 4) return Bad("a signature is not base64 of a key id and octets");
  Note::Line out{std::string(name), {}, Bytes(blob->begin() + 4, blob->end())};
  std::copy_n(blob->begin(), 4, out.key_id.begin());
  return out;
}

}  // namespace

bool IsNoteName(std::string_view name) {
  return !name.empty() && IsUtf8(name) &&
         std::ranges::none_of(name, [](char c) { return IsControl(c) || c == ' ' || c == '+'; });
}

std::string CheckpointText(std::string_view origin, std::uint64_t size, const Hash& root) {
  MUST(IsNoteName(origin));
  std::string out(origin);
  return out.append("\n")
      .append(std::to_string(size))
      .append("\n")
      .append(Base64(root))
      .append("\n");
}

Result<CheckpointBody> ParseCheckpointText(std::string_view text) {
  if (text.size() > limits::kNoteBytes) return Bad("too long");
  const auto origin = TakeLine(text);
  if (!origin || !IsNoteName(*origin)) return Bad("no usable origin");
  const auto size_line = TakeLine(text);
  const auto size = size_line ? ParseDecimal(*size_line) : std::nullopt;
  if (!size) return Bad("no decimal size");
  const auto root_line = TakeLine(text);
  const auto root = root_line ? DecodeHash(*root_line) : std::nullopt;
  if (!root) return Bad("no base64 root hash");
  if (!text.empty()) return Bad("more than three lines");
  return CheckpointBody{std::string(*origin), *size, *root};
}

std::array<std::uint8_t, 4> Ed25519KeyId(std::string_view name, BytesView public_key) {
  return NoteKeyId(name, kEd25519Type, public_key);
}

std::array<std::uint8_t, 4> TreeHeadKeyId(std::string_view name, const Hash& log_id) {
  return NoteKeyId(name, kTreeHeadType, log_id);
}

std::string SignatureLine(std::string_view name, const std::array<std::uint8_t, 4>& key_id,
                          BytesView signature) {
  MUST(IsNoteName(name) && !signature.empty());
  Bytes blob(key_id.begin(), key_id.end());
  tls::Put(blob, signature);
  std::string out(kDash);
  return out.append(name).append(" ").append(Base64(blob)).append("\n");
}

Bytes TreeHeadNoteSignature(TimeMs timestamp, BytesView ecdsa_der) {
  const std::int64_t ms = timestamp.time_since_epoch().count();
  MUST(ms >= 0);
  Bytes out;
  tls::PutUint<8>(out, static_cast<std::uint64_t>(ms));
  tls::Put(out, DigitallySigned(ecdsa_der));
  return out;
}

Result<Note> ParseNote(std::string_view note) {
  // signed-note: the signatures follow the last empty line, so the text may hold empty lines
  // itself.
  const std::size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos) return Bad("no empty line before the signatures");
  const std::string_view text = note.substr(0, blank + 1);
  std::string_view rest = note.substr(blank + 2);
  if (text.size() > limits::kNoteBytes) return Bad("too long");
  if (!IsUtf8(text)) return Bad("not UTF-8");
  if (std::ranges::any_of(text, [](char c) { return IsControl(c) && c != '\n'; })) {
    return Bad("a control character in the text");
  }
  Note out{std::string(text), {}};
  while (!rest.empty()) {
    const auto line = TakeLine(rest);
    if (!line) return Bad("the last line has no newline");
    if (out.lines.size() == kLinesMax) return Bad("too many signatures");
    TRY(out.lines.emplace_back(), ParseSignatureLine(*line));
  }
  if (out.lines.empty()) return Bad("no signature");
  return out;
}

}  // namespace schema
