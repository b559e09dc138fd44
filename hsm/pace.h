// So many at once, and from then on one in each interval.
#pragma once

#include <algorithm>

#include "schema/base/time.h"

namespace hsm {

// For one thread.
class Pace {
 public:
  // `burst`: at least 1.
  Pace(std::size_t burst, schema::Steady::duration interval)
      : ahead_(interval * static_cast<std::int64_t>(burst - 1)), interval_(interval) {}

  // Not before this one may be taken.
  schema::Steady::time_point Next() const { return due_ - ahead_; }
  void Take(schema::Steady::time_point now) { due_ = std::max(due_, now) + interval_; }

 private:
  const schema::Steady::duration ahead_, interval_;
  schema::Steady::time_point due_{};  // of the next one, if all came evenly
};

}  // namespace hsm
