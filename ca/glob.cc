#include "ca/glob.h"

#include <cstddef>

namespace ca {

bool GlobMatches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;  // the last star so far; earlier ones need not be tried again,
  std::size_t star_end = 0;  // because what stands between two stars fits best leftmost
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (p < pattern.size() && t < text.size() && pattern[p] == text[t]) {
      // A star ends before its "/" for good: each "/" of the text has one of the pattern.
      if (pattern[p] == '/') star = kNone;
      ++p;
      ++t;
    } else if (star != kNone && star_end < text.size() && text[star_end] != '/') {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace ca
