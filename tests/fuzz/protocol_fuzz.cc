// Property: however a stream is cut, the same frames come out, and put back together they are the
// octets that were consumed; a hello or refusal that decodes encodes to the same octets.
#include <algorithm>
#include <cstdint>

#include "hsm/protocol.h"

namespace {

// The frames of `stream` fed in steps, encoded again; `broken` when the reader gave up.
schema::Bytes Refed(schema::BytesView stream, std::size_t step, bool& broken) {
  hsm::FrameReader reader;
  schema::Bytes again;
  broken = false;
  for (std::size_t at = 0; at < stream.size() && !broken; at += step) {
    const schema::BytesView part = stream.subspan(at, std::min(step, stream.size() - at));
    schema::Bytes& buffer = reader.buffer();
    buffer.insert(buffer.end(), part.begin(), part.end());
    for (;;) {
      const auto frame = reader.Next();
      broken = !frame;
      if (!frame || !*frame) break;
      hsm::AppendFrame(again, (*frame)->id, (*frame)->code, (*frame)->bytes);
    }
  }
  return again;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView stream(data, size);
  bool broken = false, broken_too = false;
  const schema::Bytes whole = Refed(stream, std::max<std::size_t>(size, 1), broken);
  MUST(whole.size() <= size && schema::Equal(whole, stream.first(whole.size())));
  MUST(Refed(stream, 7, broken_too) == whole && broken == broken_too);
  if (const auto hello = hsm::DecodeHello(stream)) {
    MUST(schema::Equal(hsm::EncodeHello(*hello), stream));
  }
  if (const auto refusal = hsm::DecodeRefusal(stream)) {
    MUST(schema::Equal(hsm::EncodeRefusal(*refusal), stream));
  }
  return 0;
}
