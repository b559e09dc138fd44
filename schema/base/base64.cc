#include "schema/base/base64.h"

#include <array>

namespace schema {

const ErrorKind kBadBase64{"bad-base64", Fault::kCaller, "a field that must be base64 is not"};

namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xff;

using Table = std::array<std::uint8_t, 256>;

constexpr void AddTo(Table& table, std::string_view alphabet) {
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
}

constexpr Table MakeTable(bool both) {
  Table table{};
  table.fill(kNone);
  AddTo(table, kUrlSafe);
  if (both) AddTo(table, kStandard);
  return table;
}
constexpr Table kUrlTable = MakeTable(false);
constexpr Table kBothTable = MakeTable(true);

// Without padding: RFC 4648 5 leaves it out.
std::string Encode(BytesView bytes, std::string_view alphabet) {
  std::string out((bytes.size() * 4 + 2) / 3, '\0');
  char* to = out.data();
  while (bytes.size() >= 3) {
    const std::uint32_t bits =
        std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
    for (const int shift : {18, 12, 6, 0}) *to++ = alphabet[(bits >> shift) & 0x3f];
    bytes = bytes.subspan(3);
  }
  if (bytes.empty()) return out;
  const std::uint32_t second = bytes.size() == 2 ? bytes[1] : 0;
  const std::uint32_t bits = std::uint32_t{bytes[0]} << 10 | second << 2;
  *to++ = alphabet[(bits >> 12) & 0x3f];
  *to++ = alphabet[(bits >> 6) & 0x3f];
  if (bytes.size() == 2) *to++ = alphabet[bits & 0x3f];
  return out;
}

// Knows nothing of padding.
class Decoder {
 public:
  explicit Decoder(const Table& table) : table_(table) {}

  // Takes whole groups of four from the front of `text`, up to the first that has a character which
  // is not of the alphabet. How many characters that were. Only before Take.
  std::size_t TakeGroups(std::string_view text) {
    const auto value = [this, text](std::size_t i) {
      return std::uint32_t{table_[static_cast<std::uint8_t>(text[i])]};
    };
    out_.resize(text.size() / 4 * 3);
    std::uint8_t* out = out_.data();
    std::size_t taken = 0;
    for (; text.size() - taken >= 4; taken += 4) {
      const std::uint32_t a = value(taken), b = value(taken + 1), c = value(taken + 2),
                          d = value(taken + 3);
      if (((a | b | c | d) & ~0x3fu) != 0) break;
      const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
      *out++ = static_cast<std::uint8_t>(bits >> 16);
      *out++ = static_cast<std::uint8_t>(bits >> 8);
      *out++ = static_cast<std::uint8_t>(bits);
    }
    out_.resize(taken / 4 * 3);
    characters_ = taken;
    return taken;
  }

  bool Take(char c) {
    const std::uint8_t value = table_[static_cast<std::uint8_t>(c)];
    if (value == kNone) return false;
    bits_ = (bits_ << 6) | value;
    count_ += 6;
    ++characters_;
    if (count_ >= 8) {
      count_ -= 8;
      out_.push_back(static_cast<std::uint8_t>(bits_ >> count_));
    }
    return true;
  }
  std::size_t characters() const { return characters_; }
  // One character alone carries fewer bits than an octet has (RFC 4648 4).
  bool Whole() const { return characters_ % 4 != 1; }
  bool UnusedBitsAreZero() const { return (bits_ & ((1u << count_) - 1)) == 0; }
  Bytes Done() && { return std::move(out_); }

 private:
  const Table& table_;
  Bytes out_;
  std::uint32_t bits_ = 0;
  int count_ = 0;
  std::size_t characters_ = 0;
};

Error At(std::string_view why, std::size_t position) {
  return Error{&kBadBase64, std::string(why) + " at byte " + std::to_string(position)};
}

}  // namespace

std::string Base64(BytesView bytes) {
  std::string out = Encode(bytes, kStandard);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string Base64Url(BytesView bytes) { return Encode(bytes, kUrlSafe); }

Result<Bytes> DecodeBase64UrlStrict(std::string_view text) {
  Decoder decoder(kUrlTable);
  for (std::size_t i = decoder.TakeGroups(text); i < text.size(); ++i) {
    if (!decoder.Take(text[i])) return At("a character outside the URL-safe alphabet", i);
  }
  if (!decoder.Whole()) return At("cut off", text.size());
  if (!decoder.UnusedBitsAreZero()) return At("unused bits set", text.size());
  return std::move(decoder).Done();
}

Result<Bytes> DecodeBase64Lenient(std::string_view text) {
  Decoder decoder(kBothTable);
  std::size_t padding = 0;
  for (std::size_t i = decoder.TakeGroups(text); i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') continue;
    if (text[i] == '=') {
      ++padding;
      continue;
    }
    if (padding > 0) return At("a character after the padding", i);
    if (!decoder.Take(text[i])) return At("a character outside both alphabets", i);
  }
  if (!decoder.Whole()) return At("cut off", text.size());
  // Padding may be absent, but not partial or surplus (RFC 4648 3.2).
  if (padding > 0 && (padding > 2 || (decoder.characters() + padding) % 4 != 0)) {
    return At("wrong padding", text.size());
  }
  return std::move(decoder).Done();
}

}  // namespace schema
