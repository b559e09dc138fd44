#include "ca/text.h"

#include <algorithm>

namespace ca {

bool IsVisibleAscii(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace ca
