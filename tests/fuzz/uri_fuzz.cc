// What ParseUri prints is ASCII without control characters, keeps its scheme and host when it is
// read again, and does not change any more; what JoinUri prints stays on its base.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "oidc/uri.h"

namespace {

bool IsPlainAscii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto once = oidc::ParseUri(text)) {
    MUST(IsPlainAscii(once->text));
    const auto twice = oidc::ParseUri(once->text);
    MUST(twice.has_value());
    MUST(twice->text == once->text);
    MUST(twice->scheme == once->scheme);
    MUST(twice->host == once->host);
    MUST(twice->user_info == once->user_info);
  } else {
    MUST(once.error().Is(oidc::kBadUri));
  }
  constexpr std::string_view kBase = "https://github.com";
  if (const auto joined = oidc::JoinUri(kBase, {text, "tail"})) {
    MUST(joined->starts_with("https://github.com/"));
    const auto parsed = oidc::ParseUri(*joined);
    MUST(parsed.has_value());
    MUST(parsed->text == *joined && parsed->host == "github.com" && !parsed->user_info);
  }
  return 0;
}
