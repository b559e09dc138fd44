#include "schema/log/lines.h"

#include <algorithm>
#include <charconv>

#include "schema/base/base64.h"
#include "schema/log/tls.h"

namespace schema {

std::optional<std::string_view> TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> ParseDecimal(std::string_view text) {
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Bytes> DecodeBase64Strict(std::string_view text) {
  auto bytes = DecodeBase64Lenient(text);
  if (!bytes || Base64(*bytes) != text) return std::nullopt;
  return *std::move(bytes);
}

std::optional<Hash> DecodeHash(std::string_view text) {
  const auto bytes = DecodeBase64Strict(text);
  Hash hash;
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

std::array<std::uint8_t, 4> NoteKeyId(std::string_view name, std::uint8_t type, BytesView key) {
  Bytes input = ToBytes(AsBytes(name));
  input.push_back('\n');
  input.push_back(type);
  tls::Put(input, key);
  const Hash hash = Sha256(input);
  return {hash[0], hash[1], hash[2], hash[3]};
}

}  // namespace schema
