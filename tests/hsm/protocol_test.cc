#include "hsm/protocol.h"

#include <doctest/doctest.h>

#include "schema/base/bytes.h"

namespace {

using schema::Bytes;

Bytes Frames() {
  Bytes out;
  hsm::AppendFrame(out, 1, 2, schema::AsBytes("first"));
  hsm::AppendFrame(out, 0xffffffff, 255, {});
  hsm::AppendFrame(out, 3, 1, Bytes(hsm::kInputBytesMax, 0xaa));
  return out;
}

TEST_CASE("frames come out as they went in, however the stream is cut") {
  const Bytes stream = Frames();
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{3}, std::size_t{4096}, stream.size()}) {
    CAPTURE(step);
    hsm::FrameReader reader;
    Bytes again;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      Bytes& buffer = reader.buffer();
      const std::size_t count = std::min(step, stream.size() - at);
      buffer.insert(buffer.end(), stream.begin() + static_cast<std::ptrdiff_t>(at),
                    stream.begin() + static_cast<std::ptrdiff_t>(at + count));
      for (;;) {
        const auto frame = reader.Next();
        REQUIRE(frame.has_value());
        if (!*frame) break;
        hsm::AppendFrame(again, (*frame)->id, (*frame)->code, (*frame)->bytes);
      }
    }
    CHECK(again == stream);
  }
}

TEST_CASE("lengths that cannot be") {
  const Bytes streams[] = {
      {0, 0, 0, 4, 0, 0, 0, 0}, {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 1, 0, 0}};
  for (const Bytes& stream : streams) {
    hsm::FrameReader reader;
    reader.buffer() = stream;
    const auto frame = reader.Next();
    REQUIRE_FALSE(frame.has_value());
    CHECK(frame.error().Is(hsm::kBadFrame));
  }
}

TEST_CASE("hello and refusal") {
  hsm::Hello hello;
  hello.facts.issuing = schema::SpkiDer(Bytes{1, 2, 3});
  hello.facts.events_note = Bytes(32, 7);
  hello.facts.token = "label (serial, maker)";
  hello.probe = {9};
  hello.pid = 4711;
  hello.proved_in = std::chrono::milliseconds(73);
  const Bytes encoded = hsm::EncodeHello(hello);
  const auto decoded = hsm::DecodeHello(encoded);
  REQUIRE(decoded.has_value());
  CHECK(decoded->facts.issuing == hello.facts.issuing);
  CHECK(decoded->facts.log.empty());
  CHECK(decoded->facts.events_note == hello.facts.events_note);
  CHECK_EQ(decoded->facts.token, hello.facts.token);
  CHECK(decoded->probe == hello.probe);
  CHECK_EQ(decoded->proved_in, hello.proved_in);
  CHECK_EQ(decoded->pid, 4711);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    CHECK_FALSE(hsm::DecodeHello(schema::BytesView(encoded).first(size)).has_value());
  }
  const hsm::Refusal refusal{{"file 1 18446744073709551615 -5 9"}, "why"};
  const auto again = hsm::DecodeRefusal(hsm::EncodeRefusal(refusal));
  REQUIRE(again.has_value());
  CHECK(again->tried == refusal.tried);
  CHECK_EQ(again->why, "why");

  const hsm::MadeCounts made = {1, 0, 0xffffffffffffffff, 4, 5, 6, 7};
  const Bytes answer = hsm::EncodeSigned(made, Bytes{8, 9});
  const auto taken = hsm::DecodeSigned(answer);
  REQUIRE(taken.has_value());
  CHECK(taken->made == made);
  CHECK(schema::Equal(taken->signature, Bytes{8, 9}));
  CHECK_FALSE(hsm::DecodeSigned(schema::BytesView(answer).first(55)).has_value());
}

}  // namespace
