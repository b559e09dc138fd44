#include "hsm/balance.h"

#include <compare>

namespace hsm {

namespace {

// a / its weight against b / its weight, without a division.
std::strong_ordering Compare(std::uint64_t a, int weight_a, std::uint64_t b, int weight_b) {
  return a * static_cast<std::uint64_t>(weight_b) <=> b * static_cast<std::uint64_t>(weight_a);
}

bool Less(const TokenLoad& a, const TokenLoad& b) {
  const auto order = Compare(a.outstanding, a.weight, b.outstanding, b.weight);
  return order != 0 ? order < 0 : Compare(a.given, a.weight, b.given, b.weight) < 0;
}

}  // namespace

std::optional<std::size_t> LeastLoaded(const std::vector<TokenLoad>& tokens) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].free && (!best || Less(tokens[i], tokens[*best]))) best = i;
  }
  return best;
}

}  // namespace hsm
