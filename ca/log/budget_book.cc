#include "ca/log/budget_book.h"

#include <algorithm>
#include <limits>

namespace ca {

using schema::Hash;
using schema::Result;

namespace {

// A charge is remembered longer than it counts, for a clock that is set back.
constexpr std::chrono::minutes kChargeMargin{10};
constexpr std::uint64_t kNewest = std::numeric_limits<std::int64_t>::max();

}  // namespace

Result<BudgetBook::Bucket*> BudgetBook::Open(const Hash& bucket) {
  const auto known = buckets_.find(bucket);
  if (known != buckets_.end()) return &known->second;
  TRY(const auto newest, store_.FindCharge(bucket, kNewest));
  Bucket opened;
  if (newest) opened = {newest->number, newest->at, {}};
  return &buckets_.emplace(bucket, std::move(opened)).first->second;
}

Result<bool> BudgetBook::Within(const Budget& budget, std::uint64_t count) {
  TRY(const Bucket* bucket, Open(budget.bucket));
  if (count == 0) return true;
  if (bucket->last < count) return false;
  const schema::TimeMs begin = now_ - budget.window;
  const std::size_t count_here = bucket->here.size();
  if (count <= count_here) return bucket->here[count_here - count] > begin;
  // Where numbers were forgotten, the one before is older than they were: full by it is full.
  TRY(const auto oldest, store_.FindCharge(budget.bucket, bucket->last - count + 1));
  return oldest && oldest->at > begin;
}

Result<const Budget*> BudgetBook::FindSpent(const std::vector<Budget>& budgets) {
  for (const Budget& budget : budgets) {
    TRY(const bool full, Within(budget, budget.limit));
    if (full) return &budget;
  }
  return nullptr;
}

void BudgetBook::Charge(const std::vector<Budget>& budgets, std::uint64_t index,
                        std::vector<ChargeRow>& rows) {
  for (const Budget& budget : budgets) {
    Bucket& bucket = buckets_.at(budget.bucket);
    // A clock that was set back must not put a charge before those it comes after.
    bucket.at = std::max(bucket.at, now_);
    bucket.here.push_back(bucket.at);
    rows.push_back({budget.bucket, ++bucket.last, index, bucket.at,
                    schema::ToSeconds(bucket.at) + budget.window + kChargeMargin});
  }
}

}  // namespace ca
