#include "ca/audit/findings.h"

#include <numeric>
#include <utility>

namespace ca::audit {

void Findings::Add(std::string_view id, std::string where, std::string detail) {
  if (++counts_[id] <= kKeptOfEach) kept_.push_back({id, std::move(where), std::move(detail)});
}

void Findings::Add(Findings more) {
  std::map<std::string_view, std::uint64_t> left = std::move(more.counts_);
  for (Finding& finding : more.kept_) {
    --left[finding.id];
    Add(finding.id, std::move(finding.where), std::move(finding.detail));
  }
  for (const auto& [id, count] : left) {
    if (count > 0) counts_[id] += count;
  }
}

std::uint64_t Findings::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& count) { return sum + count.second; });
}

}  // namespace ca::audit
