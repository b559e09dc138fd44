// Which of several tokens takes the next job.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace hsm {

struct TokenLoad {
  std::uint64_t outstanding = 0;  // jobs in its signers' hands
  std::uint64_t given = 0;        // jobs that it took so far
  int weight = 1;                 // at least 1
  bool free = true;               // could take one now
};

// Of those that are free the one with the least outstanding for its weight; of several such the one
// that was given least for its weight; of several such the first. Nothing when none is free.
std::optional<std::size_t> LeastLoaded(const std::vector<TokenLoad>& tokens);

}  // namespace hsm
