// DER (ITU-T X.690): a writer that appends and a reader that takes nothing but DER.
//
// The reader accepts definite minimal lengths only and never copies. A value that fails leaves the
// reader unusable. Neither blocks, allocates beyond its output, nor reads a clock.
// Safe on any bytes (tests/fuzz/der_fuzz.cc).
#pragma once

#include <cstdint>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace schema::der {

// Identifier octets (X.690 8.1.2), low tag numbers only.
enum Tag : std::uint8_t {
  kBoolean = 0x01,
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kNull = 0x05,
  kOid = 0x06,
  kUtf8String = 0x0c,
  kPrintableString = 0x13,
  kUtcTime = 0x17,
  kGeneralizedTime = 0x18,
  kSequence = 0x30,
  kSet = 0x31,
};
constexpr std::uint8_t ContextPrimitive(std::uint8_t n) { return 0x80 | n; }
constexpr std::uint8_t ContextConstructed(std::uint8_t n) { return 0xa0 | n; }

extern const ErrorKind kBadDer;

// Appends to one buffer. Begin/End nest; End fixes the length of the matching Begin.
class Writer {
 public:
  // Returns a mark for End.
  std::size_t Begin(std::uint8_t tag);
  void End(std::size_t mark);

  void Value(std::uint8_t tag, BytesView content);
  void Raw(BytesView der) { out_.insert(out_.end(), der.begin(), der.end()); }
  void Oid(BytesView content) { Value(kOid, content); }
  void Boolean(bool value);
  void Null() { Value(kNull, {}); }
  void SmallInteger(std::uint8_t value);
  // A non-negative INTEGER from big-endian magnitude octets: leading zeros dropped, sign octet
  // added.
  void UnsignedInteger(BytesView magnitude);
  // BIT STRING of whole octets.
  void BitString(BytesView content);
  void Utf8(std::string_view text) { Value(kUtf8String, AsBytes(text)); }
  // RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
  void Time(schema::Time t);

  BytesView view() const { return out_; }
  Bytes Take() && { return std::move(out_); }

 private:
  Bytes out_;
};

struct Element {
  std::uint8_t tag;
  BytesView content;  // without identifier and length
  BytesView whole;    // with them
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }
  // The next tag without consuming it; 0 at the end.
  std::uint8_t Peek() const { return rest_.empty() ? 0 : rest_[0]; }

  Result<Element> Any();
  Result<Element> Expect(std::uint8_t tag);
  // A constructed element, to be read by a reader of its own.
  Result<Reader> Enter(std::uint8_t tag);
  Result<bool> Boolean();
  // Content octets of a non-negative, minimal INTEGER, sign octet removed.
  Result<BytesView> UnsignedInteger();
  // Content of a BIT STRING with no unused bits.
  Result<BytesView> BitString();
  // UTCTime or GeneralizedTime in the RFC 5280 4.1.2.5 forms.
  Result<schema::Time> Time();
  // kBadDer unless everything was consumed.
  Outcome End() const;

 private:
  BytesView rest_;
};

// Dotted decimal of OID content octets, for messages.
std::string OidText(BytesView content);
// Whether this is an object identifier in dotted decimal: of at most 128 octets, with arcs below
// 10^18, as more fits no client's integers.
bool IsOidText(std::string_view dotted);
// Content octets of dotted decimal text known to be valid (a literal of ours, or IsOidText).
Bytes OidContent(std::string_view dotted);

}  // namespace schema::der
