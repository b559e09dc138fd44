// What ParseJson takes prints as text that it takes again, with the same value and the same print;
// no such value is deeper than the limit, and the detail of a refusal quotes nothing. What the
// quick reader takes, the strict one takes as the same value.
#include <algorithm>
#include <cstdint>

#include "schema/base/json_read.h"

namespace {

constexpr std::size_t kDepth = 8;

std::size_t DepthOf(const schema::Json& value) {
  if (!value.is_structured()) return 0;
  std::size_t depth = 0;
  for (const schema::Json& part : value) depth = std::max(depth, DepthOf(part));
  return depth + 1;
}

void CheckReadersAgree(std::string_view text) {
  const bool ours = text.find('\0') == std::string_view::npos && !text.starts_with("\xef\xbb\xbf");
  const auto quick = ours ? schema::ReadQuick(text, kDepth) : std::nullopt;
  if (!quick) return;
  const auto strict = schema::ReadStrict(text, kDepth);
  MUST(strict.has_value());
  MUST(*strict == *quick);
  MUST(strict->dump() == quick->dump());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = schema::ParseJson(text, {1 << 16, kDepth});
  CheckReadersAgree(text);
  if (!value) {
    MUST(value.error().Is(schema::kBadJson));
    MUST(std::ranges::all_of(value.error().detail, [](unsigned char c) { return c < 0x80; }));
    MUST(value.error().detail.size() < 80);
    return 0;
  }
  MUST(DepthOf(*value) <= kDepth);
  const std::string printed = value->dump();
  const auto again = schema::ParseJson(printed, {printed.size(), kDepth});
  MUST(again.has_value());
  MUST(*again == *value);
  MUST(again->dump() == printed);
  return 0;
}
