#include "ca/pem.h"

#include <array>

#include "schema/base/base64.h"

namespace ca {

using schema::Bytes;
using schema::Error;
using schema::Result;

const schema::ErrorKind kBadPem{"pem-malformed", schema::Fault::kCaller,
                                "the text is not PEM; send whole blocks and nothing around them"};

namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kLabelMax = 64;

constexpr bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Values 0 to 63; other characters are 64 (white space) or 65.
constexpr std::array<std::uint8_t, 256> kSextets = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(65);
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  for (const char c : {' ', '\t', '\r', '\n'}) table[static_cast<std::uint8_t>(c)] = 64;
  return table;
}();

std::string_view SkipSpace(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && IsSpace(text[i])) ++i;
  return text.substr(i);
}

// RFC 4648 4, padded, zero trailing bits (3.5); false for anything else.
bool DecodeBody(std::string_view body, Bytes* out) {
  out->reserve(body.size() / 4 * 3);
  std::uint32_t bits = 0;
  std::size_t sextets = 0, padding = 0;
  for (const char c : body) {
    const std::uint8_t value = kSextets[static_cast<std::uint8_t>(c)];
    if (value == 64) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    if (value > 64 || padding > 0) return false;
    bits = bits << 6 | value;
    if (++sextets % 4 == 0) {
      out->push_back(static_cast<std::uint8_t>(bits >> 16));
      out->push_back(static_cast<std::uint8_t>(bits >> 8));
      out->push_back(static_cast<std::uint8_t>(bits));
      bits = 0;
    }
  }
  switch (sextets % 4) {
    case 0:
      return padding == 0 && sextets > 0;
    case 2:
      if (padding != 2 || (bits & 0xf) != 0) return false;
      out->push_back(static_cast<std::uint8_t>(bits >> 4));
      return true;
    case 3:
      if (padding != 1 || (bits & 0x3) != 0) return false;
      out->push_back(static_cast<std::uint8_t>(bits >> 10));
      out->push_back(static_cast<std::uint8_t>(bits >> 2));
      return true;
  }
  return false;  // one sextet holds no octet
}

struct Cut {
  std::string_view label, body, rest;
};

// Null when the text is cut; otherwise why it cannot be.
const char* CutBlock(std::string_view text, Cut* cut) {
  if (!text.starts_with(kBegin)) return "text outside a block";
  text.remove_prefix(kBegin.size());
  const std::size_t label_size = text.find(kDashes);
  if (label_size == std::string_view::npos || label_size > kLabelMax) return "no BEGIN line";
  cut->label = text.substr(0, label_size);
  text.remove_prefix(label_size + kDashes.size());
  if (text.empty() || !IsSpace(text[0])) return "the BEGIN line does not end";
  const std::size_t body_size = text.find(kDashes);
  if (body_size == std::string_view::npos) return "no END line";
  cut->body = text.substr(0, body_size);
  text.remove_prefix(body_size);
  // RFC 7468 3: the END line stands on a line of its own.
  if (!cut->body.ends_with('\n')) return "END is not at the start of a line";
  if (!text.starts_with(kEnd)) return "no END line";
  text.remove_prefix(kEnd.size());
  if (!text.starts_with(cut->label) || !text.substr(cut->label.size()).starts_with(kDashes)) {
    return "BEGIN and END labels differ";
  }
  text.remove_prefix(cut->label.size() + kDashes.size());
  if (!text.empty() && !IsSpace(text[0])) return "text after the END line";
  cut->rest = text;
  return nullptr;
}

}  // namespace

bool LooksLikePem(std::string_view text) { return SkipSpace(text).starts_with(kBegin); }

Result<std::vector<PemBlock>> ParsePem(std::string_view text, std::size_t blocks_max) {
  std::vector<PemBlock> blocks;
  for (text = SkipSpace(text); !text.empty(); text = SkipSpace(text)) {
    const std::string where = "block " + std::to_string(blocks.size() + 1) + ": ";
    if (blocks.size() == blocks_max) return Error{&kBadPem, where + "too many blocks"};
    Cut cut;
    if (const char* why = CutBlock(text, &cut)) return Error{&kBadPem, where + why};
    PemBlock block{cut.label, {}};
    if (!DecodeBody(cut.body, &block.der)) return Error{&kBadPem, where + "bad base64"};
    blocks.push_back(std::move(block));
    text = cut.rest;
  }
  if (blocks.empty()) return Error{&kBadPem, "no block"};
  return blocks;
}

std::string Pem(std::string_view label, schema::BytesView der) {
  constexpr std::size_t kColumns = 64;
  const std::string body = schema::Base64(der);
  std::string out;
  out.reserve(body.size() + body.size() / kColumns + 2 * (label.size() + kBegin.size() + 8));
  out.append(kBegin).append(label).append(kDashes).append("\n");
  for (std::size_t i = 0; i < body.size(); i += kColumns) {
    out.append(body, i, kColumns).append("\n");
  }
  out.append(kEnd).append(label).append(kDashes);
  return out;
}

}  // namespace ca
