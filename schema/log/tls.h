// RFC 8446 3: the presentation language of TLS, of which RFC 6962 structures are made. Integers are
// big-endian.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace schema::tls {

template <std::size_t Octets>
void PutUint(Bytes& out, std::uint64_t value) {
  static_assert(Octets >= 1 && Octets <= 8);
  if constexpr (Octets < 8) MUST(value >> (8 * Octets) == 0);
  for (std::size_t i = Octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

inline void Put(Bytes& out, BytesView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// opaque <…>: the length in `LengthOctets`, then the octets.
template <std::size_t LengthOctets>
void PutOpaque(Bytes& out, BytesView bytes) {
  PutUint<LengthOctets>(out, bytes.size());
  Put(out, bytes);
}

// Takes from the front. A failed take leaves the reader unusable; safe on any bytes.
class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }

  std::optional<BytesView> Take(std::size_t count) {
    if (count > rest_.size()) return std::nullopt;
    const BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  template <std::size_t Octets>
  std::optional<std::uint64_t> Uint() {
    const auto bytes = Take(Octets);
    if (!bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (const std::uint8_t octet : *bytes) value = value << 8 | octet;
    return value;
  }

  template <std::size_t LengthOctets>
  std::optional<BytesView> Opaque() {
    const auto size = Uint<LengthOctets>();
    if (!size) return std::nullopt;
    return Take(static_cast<std::size_t>(*size));
  }

  // Whether exactly these octets came next.
  bool Skip(BytesView expected) {
    const auto bytes = Take(expected.size());
    return bytes && Equal(*bytes, expected);
  }

 private:
  BytesView rest_;
};

}  // namespace schema::tls
