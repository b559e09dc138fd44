#include "hsm/balance.h"

#include <doctest/doctest.h>

#include <string_view>

namespace {

using hsm::LeastLoaded;
using hsm::TokenLoad;

constexpr std::size_t kNone = 99;

TEST_CASE("the least in hand for its weight goes first") {
  struct Case {
    std::string_view name;
    std::vector<TokenLoad> tokens;  // outstanding, given, weight, free
    std::size_t want;
  };
  const Case kCases[] = {
      {"nobody", {}, kNone},
      {"nobody free", {{0, 0, 1, false}, {0, 0, 1, false}}, kNone},
      {"the only one", {{9, 9, 1, true}}, 0},
      {"the first of equals", {{0, 0, 1, true}, {0, 0, 1, true}}, 0},
      {"the one with less", {{2, 0, 1, true}, {1, 9, 1, true}}, 1},
      {"the one with less is not free", {{2, 0, 1, true}, {1, 0, 1, false}}, 0},
      {"3 of weight 3 is less than 2 of weight 1", {{2, 0, 1, true}, {3, 0, 3, true}}, 1},
      {"4 of weight 3 is more than 1 of weight 1", {{1, 0, 1, true}, {4, 0, 3, true}}, 0},
      {"equal: who was given less", {{1, 7, 1, true}, {1, 6, 1, true}}, 1},
      {"equal: given less for its weight", {{0, 2, 1, true}, {0, 5, 3, true}}, 1},
      {"equal: given more for its weight", {{0, 1, 1, true}, {0, 5, 3, true}}, 0},
      {"of three", {{1, 0, 1, true}, {1, 0, 2, true}, {1, 0, 4, true}}, 2},
      {"large counts", {{1, 1ULL << 50, 100, true}, {1, (1ULL << 50) - 1, 100, true}}, 1},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    CHECK_EQ(LeastLoaded(c.tokens).value_or(kNone), c.want);
  }
}

TEST_CASE("one job at a time is shared by weight") {
  std::vector<TokenLoad> tokens = {{0, 0, 3, true}, {0, 0, 1, true}};
  for (int i = 0; i < 400; ++i) ++tokens[*LeastLoaded(tokens)].given;
  CHECK_EQ(tokens[0].given, 300);
  CHECK_EQ(tokens[1].given, 100);
}

}  // namespace
