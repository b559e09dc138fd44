#include "ca/ceremony/words.h"

#include <doctest/doctest.h>

namespace {

// Pairs of arXiv 0901.4016, one after the other.
TEST_CASE("words are proquints") {
  schema::Hash digest{};
  const std::uint8_t addresses[] = {127, 0,   0,   1,   63,  84, 220, 193, 63,  118, 7,
                                    35,  140, 98,  193, 141, 64, 255, 6,   200, 128, 30,
                                    52,  45,  147, 67,  119, 2,  212, 58,  253, 68};
  std::copy(std::begin(addresses), std::end(addresses), digest.begin());
  CHECK_EQ(ca::ceremony::Words(digest),
           "lusab-babad-gutih-tugad-gutuk-bisog-mudof-sakat-"
           "haguz-biram-mabiv-gibot-natag-lisaf-tibup-zujah");
  CHECK_EQ(ca::ceremony::FirstWords(digest), "lusab-babad-gutih-tugad");
}

}  // namespace
