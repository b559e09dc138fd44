// What an audit found wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ca::audit {

struct Finding {
  std::string_view id;  // stable, kebab-case: ca/audit/README.md lists them
  std::string where;    // "certificates 17", "events 4", "certificates tile/0/000"
  std::string detail;
};

// In the order they were found. For one thread at a time; parts found by others are merged.
class Findings {
 public:
  // Of each id this many are kept whole; more are counted.
  static constexpr std::size_t kKeptOfEach = 100;

  void Add(std::string_view id, std::string where, std::string detail);
  void Add(Findings more);

  bool empty() const { return counts_.empty(); }
  const std::vector<Finding>& kept() const { return kept_; }
  const std::map<std::string_view, std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total() const;

 private:
  std::vector<Finding> kept_;
  std::map<std::string_view, std::uint64_t> counts_;
};

}  // namespace ca::audit
