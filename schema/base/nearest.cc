#include "schema/base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace schema {
namespace {

// Edits (insert, delete, replace) from one text to the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t k = 0; k < b.size(); ++k) {
      const std::size_t replace = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replace, row[k] + 1, row[k + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view Nearest(std::string_view text, std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t best_distance = 3;
  for (const std::string_view candidate : known) {
    if (text.size() > candidate.size() + 2) continue;
    if (text != candidate && text.size() <= 2 && candidate.size() == text.size()) continue;
    const std::size_t distance = Distance(text, candidate);
    if (distance >= best_distance || distance > (candidate.size() <= 3 ? 1U : 2U)) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace schema
