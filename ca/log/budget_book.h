// What the budgets of one batch's grants are charged, on top of what the store holds.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ca/log/store.h"
#include "ca/log/terms.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

// Exact over a sliding window, with three looks at the store for each budget whatever its limit: a
// bucket's charges are numbered in order of time, so the last N are all within the window when
// number last - N + 1 is. No thread.
class BudgetBook {
 public:
  // `now`: the clock's; windows end there.
  BudgetBook(Store& store, schema::TimeMs now) : store_(store), now_(now) {}

  // The first of `budgets` that has nothing left, or null. Charges nothing.
  schema::Result<const Budget*> FindSpent(const std::vector<Budget>& budgets);
  // After FindSpent found none: whether this one has nothing left after the next charge.
  schema::Result<bool> IsLast(const Budget& budget) { return Within(budget, budget.limit - 1); }
  // After FindSpent found none: one row for each budget.
  void Charge(const std::vector<Budget>& budgets, std::uint64_t index,
              std::vector<ChargeRow>& rows);

 private:
  struct Bucket {
    std::uint64_t last = 0;  // number of the newest charge, stored or of this batch; 0: none
    schema::TimeMs at{};     // its time
    std::vector<schema::TimeMs> here;  // of this batch: the times of the last here.size() numbers
  };
  schema::Result<Bucket*> Open(const schema::Hash& bucket);
  // The newest `count` charges of its bucket are all within its window.
  schema::Result<bool> Within(const Budget& budget, std::uint64_t count);

  Store& store_;
  const schema::TimeMs now_;
  std::map<schema::Hash, Bucket> buckets_;
};

}  // namespace ca
