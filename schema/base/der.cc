#include "schema/base/der.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace schema::der {

const ErrorKind kBadDer{"bad-der", Fault::kCaller, "a DER structure is malformed"};

namespace {

constexpr std::size_t kReserved = 512;

Error Bad(const char* why) { return Error{&kBadDer, why}; }

// Length octets after the first, for a length of 128 or more (X.690 8.1.3.5).
std::size_t LengthOctets(std::size_t length) {
  std::size_t count = 0;
  for (; length > 0; length >>= 8) ++count;
  return count;
}

// RFC 5280 4.1.2.5.1: UTCTime covers 1950 to 2049 and has to be used there.
bool IsUtcTimeYear(int year) { return year >= 1950 && year <= 2049; }

// Two digits at `at`, or -1.
int TwoDigits(BytesView text, std::size_t at) {
  const int tens = text[at] - '0';
  const int ones = text[at + 1] - '0';
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return -1;
  return tens * 10 + ones;
}

// "MMDDHHMMSSZ", the part both forms share.
Result<schema::Time> ReadMonthToZulu(int year, BytesView text) {
  const int month = TwoDigits(text, 0);
  const int day = TwoDigits(text, 2);
  const int hour = TwoDigits(text, 4);
  const int minute = TwoDigits(text, 6);
  const int second = TwoDigits(text, 8);
  if (month < 0 || day < 0 || text[10] != 'Z') return Bad("time is not digits and Z");
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return Bad("time of day out of range");
  }
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return Bad("no such date");
  return schema::Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second);
}

}  // namespace

std::size_t Writer::Begin(std::uint8_t tag) {
  // Growing from nothing would be half a dozen allocations for the first hundred octets.
  if (out_.empty()) out_.reserve(kReserved);
  out_.push_back(tag);
  out_.push_back(0);
  return out_.size();
}

void Writer::End(std::size_t mark) {
  MUST(mark >= 2 && mark <= out_.size());
  const std::size_t length = out_.size() - mark;
  if (length < 0x80) {
    out_[mark - 1] = static_cast<std::uint8_t>(length);
    return;
  }
  const std::size_t count = LengthOctets(length);
  out_[mark - 1] = static_cast<std::uint8_t>(0x80 | count);
  std::array<std::uint8_t, sizeof(std::size_t)> octets;
  for (std::size_t i = 0; i < count; ++i) {
    octets[i] = static_cast<std::uint8_t>(length >> (8 * (count - 1 - i)));
  }
  out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(mark), octets.begin(),
              octets.begin() + static_cast<std::ptrdiff_t>(count));
}

void Writer::Value(std::uint8_t tag, BytesView content) {
  const std::size_t mark = Begin(tag);
  Raw(content);
  End(mark);
}

void Writer::Boolean(bool value) {
  const std::uint8_t octet = value ? 0xff : 0x00;  // X.690 11.1
  Value(kBoolean, {&octet, 1});
}

void Writer::SmallInteger(std::uint8_t value) { UnsignedInteger({&value, 1}); }

void Writer::UnsignedInteger(BytesView magnitude) {
  while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  const std::size_t mark = Begin(kInteger);
  if (magnitude.empty() || magnitude[0] >= 0x80) out_.push_back(0);
  Raw(magnitude);
  End(mark);
}

void Writer::BitString(BytesView content) {
  const std::size_t mark = Begin(kBitString);
  out_.push_back(0);  // unused bits
  Raw(content);
  End(mark);
}

void Writer::Time(schema::Time t) {
  const auto midnight = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(t - midnight);
  const int year = static_cast<int>(date.year());
  MUST(year >= 0 && year <= 9999);
  const bool utc = IsUtcTimeYear(year);
  std::string text;
  if (!utc) AppendTwoDigits(year / 100, text);
  AppendTwoDigits(year % 100, text);
  AppendTwoDigits(static_cast<int>(static_cast<unsigned>(date.month())), text);
  AppendTwoDigits(static_cast<int>(static_cast<unsigned>(date.day())), text);
  AppendTwoDigits(static_cast<int>(clock.hours().count()), text);
  AppendTwoDigits(static_cast<int>(clock.minutes().count()), text);
  AppendTwoDigits(static_cast<int>(clock.seconds().count()), text);
  text += 'Z';
  Value(utc ? kUtcTime : kGeneralizedTime, AsBytes(text));
}

Result<Element> Reader::Any() {
  if (rest_.size() < 2) return Bad("cut off in the header");
  const std::uint8_t tag = rest_[0];
  if ((tag & 0x1f) == 0x1f) return Bad("high tag number");
  if (tag == 0) return Bad("end-of-contents octets");  // BER only
  std::size_t header = 2;
  std::size_t length = rest_[1];
  if (length >= 0x80) {
    const std::size_t count = length & 0x7f;
    // 0x80 is the indefinite form; four octets are beyond any size limit of ours.
    if (count == 0 || count > 4) return Bad("indefinite or oversized length");
    if (rest_.size() < 2 + count) return Bad("cut off in the length");
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = (length << 8) | rest_[2 + i];
    if (length < 0x80 || LengthOctets(length) != count) return Bad("length not minimal");
    header += count;
  }
  if (length > rest_.size() - header) return Bad("cut off in the content");
  const Element element{tag, rest_.subspan(header, length), rest_.first(header + length)};
  rest_ = rest_.subspan(header + length);
  return element;
}

Result<Element> Reader::Expect(std::uint8_t tag) {
  if (rest_.empty()) return Bad("element missing");
  if (Peek() != tag) return Bad("another element expected");
  return Any();
}

Result<Reader> Reader::Enter(std::uint8_t tag) {
  TRY(const Element element, Expect(tag));
  return Reader(element.content);
}

Result<bool> Reader::Boolean() {
  TRY(const Element element, Expect(kBoolean));
  if (element.content.size() != 1) return Bad("BOOLEAN not one octet");
  const std::uint8_t octet = element.content[0];
  if (octet != 0x00 && octet != 0xff) return Bad("BOOLEAN neither 00 nor FF");
  return octet == 0xff;
}

Result<BytesView> Reader::UnsignedInteger() {
  TRY(const Element element, Expect(kInteger));
  const BytesView content = element.content;
  if (content.empty()) return Bad("INTEGER empty");
  if (content[0] >= 0x80) return Bad("INTEGER negative");
  if (content.size() == 1 || content[0] != 0) return content;
  if (content[1] < 0x80) return Bad("INTEGER not minimal");  // X.690 8.3.2
  return content.subspan(1);
}

Result<BytesView> Reader::BitString() {
  TRY(const Element element, Expect(kBitString));
  if (element.content.empty()) return Bad("BIT STRING empty");
  if (element.content[0] != 0) return Bad("BIT STRING with unused bits");
  return element.content.subspan(1);
}

Result<schema::Time> Reader::Time() {
  const bool utc = Peek() == kUtcTime;
  TRY(const Element element, Expect(utc ? kUtcTime : kGeneralizedTime));
  const BytesView text = element.content;
  if (text.size() != (utc ? 13u : 15u)) return Bad("time of another length");
  const int first = TwoDigits(text, 0);
  if (first < 0) return Bad("year is not digits");
  if (utc) return ReadMonthToZulu(first >= 50 ? 1900 + first : 2000 + first, text.subspan(2));
  const int second = TwoDigits(text, 2);
  if (second < 0) return Bad("year is not digits");
  const int year = first * 100 + second;
  if (IsUtcTimeYear(year)) return Bad("GeneralizedTime where UTCTime is required");
  return ReadMonthToZulu(year, text.subspan(4));
}

Outcome Reader::End() const {
  if (!rest_.empty()) return Bad("trailing bytes");
  return Ok();
}

std::string OidText(BytesView content) {
  constexpr std::uint64_t kArcMax = std::numeric_limits<std::uint64_t>::max() >> 7;
  std::string out;
  std::uint64_t arc = 0;
  bool inside = false;  // an arc has begun
  for (const std::uint8_t octet : content) {
    if ((!inside && octet == 0x80) || arc > kArcMax) return "invalid OID";
    arc = (arc << 7) | (octet & 0x7f);
    inside = (octet & 0x80) != 0;
    if (inside) continue;
    if (out.empty()) {  // X.690 8.19.4: the first two arcs share one number
      const std::uint64_t root = arc < 80 ? arc / 40 : 2;
      out = std::to_string(root) + "." + std::to_string(arc - root * 40);
    } else {
      out.append(".").append(std::to_string(arc));
    }
    arc = 0;
  }
  return inside || out.empty() ? "invalid OID" : out;
}

bool IsOidText(std::string_view dotted) {
  constexpr std::size_t kTextMax = 128, kDigitsMax = 18;
  std::vector<std::string_view> arcs;
  for (std::size_t at = 0; at <= dotted.size();) {
    const std::size_t end = std::min(dotted.find('.', at), dotted.size());
    const std::string_view arc = dotted.substr(at, end - at);
    const bool digits = arc.find_first_not_of("0123456789") == std::string_view::npos;
    if (arc.empty() || !digits || arc.size() > kDigitsMax) return false;
    if (arc.size() > 1 && arc.front() == '0') return false;
    arcs.push_back(arc);
    at = end + 1;
  }
  if (dotted.size() > kTextMax || arcs.size() < 2) return false;
  // X.660 7.6: below 0 and 1 the second arc is less than 40.
  const bool small = arcs[1].size() == 1 || (arcs[1].size() == 2 && arcs[1].front() < '4');
  return arcs[0] == "2" || ((arcs[0] == "0" || arcs[0] == "1") && small);
}

Bytes OidContent(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  const char* const end = dotted.data() + dotted.size();
  for (const char* at = dotted.data(); at <= end;) {
    std::uint64_t arc = 0;
    const auto [stop, error] = std::from_chars(at, end, arc);
    MUST(error == std::errc() && (stop == end || *stop == '.'));
    arcs.push_back(arc);
    at = stop + 1;
  }
  MUST(arcs.size() >= 2 && arcs[0] <= 2 && (arcs[0] == 2 || arcs[1] < 40));
  MUST(arcs[1] <= std::numeric_limits<std::uint64_t>::max() - 80);
  arcs[1] += arcs[0] * 40;
  Bytes out;
  for (std::size_t i = 1; i < arcs.size(); ++i) {
    int shift = 63;
    while (shift > 0 && (arcs[i] >> shift) == 0) shift -= 7;
    for (; shift >= 0; shift -= 7) {
      const auto digit = static_cast<std::uint8_t>((arcs[i] >> shift) & 0x7f);
      out.push_back(shift > 0 ? digit | 0x80 : digit);
    }
  }
  return out;
}

}  // namespace schema::der
