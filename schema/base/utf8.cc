#include "schema/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace schema {
namespace {

struct Lead {
  std::size_t followers;
  std::uint8_t least;  // of the first follower (RFC 3629 4)
  std::uint8_t most;
};

// The table of RFC 3629 4; no followers and least > most for an octet that begins nothing.
Lead LeadOf(std::uint8_t c) {
  if (c < 0x80) return {0, 0, 0};
  if (c >= 0xc2 && c <= 0xdf) return {1, 0x80, 0xbf};
  if (c == 0xe0) return {2, 0xa0, 0xbf};
  if (c == 0xed) return {2, 0x80, 0x9f};
  if (c >= 0xe1 && c <= 0xef) return {2, 0x80, 0xbf};
  if (c == 0xf0) return {3, 0x90, 0xbf};
  if (c >= 0xf1 && c <= 0xf3) return {3, 0x80, 0xbf};
  if (c == 0xf4) return {3, 0x80, 0x8f};
  return {0, 1, 0};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const Lead lead = LeadOf(static_cast<std::uint8_t>(text[i]));
    if (lead.least > lead.most || lead.followers >= text.size() - i) return false;
    for (std::size_t k = 1; k <= lead.followers; ++k) {
      const auto c = static_cast<std::uint8_t>(text[i + k]);
      if (c < (k == 1 ? lead.least : 0x80) || c > (k == 1 ? lead.most : 0xbf)) return false;
    }
    i += 1 + lead.followers;
  }
  return true;
}

}  // namespace schema
