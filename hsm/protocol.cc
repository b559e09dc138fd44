#include "hsm/protocol.h"

#include <array>

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;

const schema::ErrorKind kBadFrame{"hsm-bad-frame", schema::Fault::kUs,
                                  "a signer and its server do not understand each other"};

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHeadBytes = 5;  // id and code
constexpr int kCountBytes = 8;

void AppendNumber(Bytes& out, std::uint64_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

std::uint64_t Number(BytesView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : bytes) value = value << 8 | octet;
  return value;
}

void AppendField(Bytes& out, BytesView field) {
  AppendNumber(out, field.size(), 4);
  out.insert(out.end(), field.begin(), field.end());
}

Error Bad(const char* why) { return Error{&kBadFrame, why}; }

Result<BytesView> Take(BytesView& rest, std::size_t octets) {
  if (rest.size() < octets) return Bad("too short");
  const BytesView taken = rest.first(octets);
  rest = rest.subspan(octets);
  return taken;
}

Result<BytesView> TakeField(BytesView& rest) {
  TRY(const BytesView length, Take(rest, 4));
  return Take(rest, static_cast<std::size_t>(Number(length)));
}

}  // namespace

void AppendFrame(Bytes& out, std::uint32_t id, std::uint8_t code, BytesView bytes) {
  MUST(bytes.size() <= kFrameBytesMax - kHeadBytes);
  AppendNumber(out, kHeadBytes + bytes.size(), 4);
  AppendNumber(out, id, 4);
  out.push_back(code);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes& FrameReader::buffer() {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  return buffer_;
}

Result<std::optional<Frame>> FrameReader::Next() {
  const BytesView rest = BytesView(buffer_).subspan(read_);
  if (rest.size() < kLengthBytes) return std::optional<Frame>();
  const auto length = static_cast<std::size_t>(Number(rest.first(kLengthBytes)));
  if (length < kHeadBytes || length > kFrameBytesMax) return Bad("length");
  if (rest.size() < kLengthBytes + length) return std::optional<Frame>();
  read_ += kLengthBytes + length;
  const BytesView frame = rest.subspan(kLengthBytes, length);
  return std::optional<Frame>(Frame{static_cast<std::uint32_t>(Number(frame.first(4))), frame[4],
                                    frame.subspan(kHeadBytes)});
}

Bytes EncodeHello(const Hello& hello) {
  Bytes out;
  AppendField(out, hello.facts.issuing.view());
  AppendField(out, hello.facts.log.view());
  AppendField(out, hello.facts.certificates_note);
  AppendField(out, hello.facts.events_note);
  AppendField(out, schema::AsBytes(hello.facts.token));
  AppendField(out, schema::AsBytes(hello.facts.token_serial));
  AppendField(out, hello.probe);
  AppendField(out, schema::AsBytes(hello.facts.report));
  AppendField(out, hello.facts.precertificate.view());
  AppendField(out, schema::AsBytes(hello.facts.precertificate_report));
  AppendField(out, hello.facts.timestamp.view());
  AppendField(out, schema::AsBytes(hello.facts.timestamp_report));
  AppendNumber(out, static_cast<std::uint64_t>(hello.pid), 4);
  AppendNumber(out, static_cast<std::uint64_t>(hello.proved_in.count()), 4);
  return out;
}

Result<Hello> DecodeHello(BytesView rest) {
  std::array<BytesView, 12> fields;
  for (BytesView& field : fields) {
    TRY(field, TakeField(rest));
  }
  TRY(const BytesView pid, Take(rest, 4));
  TRY(const BytesView proved_in, Take(rest, 4));
  if (!rest.empty()) return Bad("octets after the hello");
  Hello hello;
  hello.pid = static_cast<int>(Number(pid));
  if (hello.pid <= 0) return Bad("no process");
  hello.proved_in = std::chrono::microseconds(Number(proved_in));
  hello.facts.issuing = schema::SpkiDer(schema::ToBytes(fields[0]));
  hello.facts.log = schema::SpkiDer(schema::ToBytes(fields[1]));
  hello.facts.certificates_note = schema::ToBytes(fields[2]);
  hello.facts.events_note = schema::ToBytes(fields[3]);
  hello.facts.token = std::string(schema::AsText(fields[4]));
  hello.facts.token_serial = std::string(schema::AsText(fields[5]));
  hello.probe = schema::ToBytes(fields[6]);
  hello.facts.report = std::string(schema::AsText(fields[7]));
  hello.facts.precertificate = schema::SpkiDer(schema::ToBytes(fields[8]));
  hello.facts.precertificate_report = std::string(schema::AsText(fields[9]));
  hello.facts.timestamp = schema::SpkiDer(schema::ToBytes(fields[10]));
  hello.facts.timestamp_report = std::string(schema::AsText(fields[11]));
  return hello;
}

Bytes EncodeSigned(const MadeCounts& made, BytesView signature) {
  Bytes out;
  for (const std::uint64_t count : made) AppendNumber(out, count, kCountBytes);
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

Result<SignedAnswer> DecodeSigned(BytesView rest) {
  SignedAnswer answer{};
  for (std::uint64_t& count : answer.made) {
    TRY(const BytesView octets, Take(rest, kCountBytes));
    count = Number(octets);
  }
  answer.signature = rest;
  return answer;
}

Bytes EncodeRefusal(const Refusal& refusal) {
  Bytes out;
  AppendField(out, schema::AsBytes(refusal.tried.text));
  AppendField(out, schema::AsBytes(refusal.why));
  return out;
}

Result<Refusal> DecodeRefusal(BytesView rest) {
  TRY(const BytesView tried, TakeField(rest));
  TRY(const BytesView why, TakeField(rest));
  if (!rest.empty()) return Bad("octets after the refusal");
  return Refusal{{std::string(schema::AsText(tried))}, std::string(schema::AsText(why))};
}

}  // namespace hsm
