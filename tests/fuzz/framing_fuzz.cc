// Properties of http/framing:
// - cutting the bytes into pieces anywhere changes neither the requests nor the error;
// - what is accepted, written canonically, is accepted again, as one request, and is the same;
// - nothing accepted exceeds the limits or holds a byte that could end a line.
//
// The first byte of the input chooses the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "tests/http/canonical.h"

namespace {

constexpr http::FramingLimits kLimits{512, 256};

struct Outcome {
  std::vector<std::string> requests;
  std::string error;
  http::Framer::State state;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Run(std::string_view bytes, std::size_t piece, http::FramingLimits limits) {
  http::Framer framer(limits);
  Outcome outcome;
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece, bytes.size());
    framer.Feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
    while (framer.state() == http::Framer::State::kReady) {
      const http::Framed framed = framer.Take();
      MUST(framed.request.body.size() <= limits.body_bytes);
      for (const auto& [name, value] : framed.request.headers) {
        MUST(!name.empty() &&
             (name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
      }
      outcome.requests.push_back(support::Canonical(framed));
    }
  }
  outcome.state = framer.state();
  if (framer.state() == http::Framer::State::kBroken) outcome.error = framer.error().Describe();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = Run(bytes, bytes.size(), kLimits);
  MUST(whole == Run(bytes, 1 + data[0] % 32, kLimits));
  MUST(whole == Run(bytes, 1, kLimits));
  // Canonical text may be longer: an escape is written in full, a length is added.
  const http::FramingLimits wide{2 * kLimits.head_bytes, kLimits.body_bytes};
  for (const std::string& request : whole.requests) {
    const Outcome again = Run(request, request.size(), wide);
    MUST(again.requests == std::vector<std::string>{request});
    MUST(again.state == http::Framer::State::kIdle);
  }
  return 0;
}
