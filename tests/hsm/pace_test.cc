#include "hsm/pace.h"

#include <doctest/doctest.h>

namespace {

using namespace std::chrono_literals;
using schema::Steady;

// How many may be taken until `now`, one after the other.
int Taken(hsm::Pace& pace, Steady::time_point now) {
  int count = 0;
  for (; pace.Next() <= now; ++count) pace.Take(now);
  return count;
}

TEST_CASE("a burst at once, then one in each interval") {
  hsm::Pace pace(4, 100ms);
  const Steady::time_point start{1h};
  CHECK_EQ(Taken(pace, start), 4);
  CHECK_EQ(Taken(pace, start + 99ms), 0);
  CHECK_EQ(Taken(pace, start + 100ms), 1);
  CHECK_EQ(Taken(pace, start + 350ms), 2);
  // Rest is remembered up to a burst.
  CHECK_EQ(Taken(pace, start + 10s), 4);
  hsm::Pace strict(1, 1s);
  CHECK_EQ(Taken(strict, start), 1);
  CHECK_EQ(Taken(strict, start + 1s), 1);
}

}  // namespace
