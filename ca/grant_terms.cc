#include "ca/grant_terms.h"

#include <algorithm>

#include "ca/key_strength.h"

namespace ca {

using schema::Node;
using schema::Outcome;
using schema::Result;

namespace {

constexpr int kPerTokenMost = 16;
constexpr int kPerRunMost = 1000;
constexpr int kRateMost = 100000;
constexpr std::chrono::seconds kLeastTime{60};
constexpr std::chrono::seconds kMostTime{24 * 3600};

Result<int> ReadCount(const Node& node, int most) {
  TRY(const std::int64_t count, node.Integer(1, most));
  return static_cast<int>(count);
}

Result<std::chrono::seconds> ReadTime(const Node& node) {
  TRY(const std::chrono::milliseconds time, node.Duration());
  if (time < kLeastTime || time > kMostTime || time.count() % 1000 != 0) {
    return node.Wrong("must be whole seconds from 1m to 24h, found " + node.text());
  }
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

Result<GrantTerms::Rate> ReadRate(const Node& node) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted a map with `count` and `within`");
  TRY(node.OnlyKeys({"count", "within"}));
  TRY(const Node* count, node.Need("count"));
  TRY(const Node* within, node.Need("within"));
  GrantTerms::Rate rate{};
  TRY(rate.count, ReadCount(*count, kRateMost));
  TRY(rate.within, ReadTime(*within));
  return rate;
}

std::string AlgorithmList() {
  std::string out;
  for (const std::string_view name : AlgorithmNames()) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

Result<std::vector<std::string>> ReadKeys(const Node& node) {
  if (node.kind() != Node::Kind::kList || node.items().empty()) {
    return node.Wrong("wanted a list of at least one of " + AlgorithmList());
  }
  std::vector<std::string> keys;
  for (const Node& item : node.items()) {
    TRY(std::string key, item.String());
    if (std::ranges::find(AlgorithmNames(), key) == AlgorithmNames().end()) {
      return item.Wrong("'" + key + "' is not one of " + AlgorithmList());
    }
    if (std::ranges::find(keys, key) != keys.end()) {
      return item.Wrong("'" + key + "' is there twice");
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

bool GrantTerms::AllowsKey(std::string_view algorithm) const {
  return keys.empty() || std::ranges::find(keys, algorithm) != keys.end();
}

Result<GrantTerms> ParseGrantTerms(const Node& node) {
  if (node.kind() != Node::Kind::kMap || node.members().empty()) {
    return node.Wrong("wanted a map of at least one limit");
  }
  TRY(node.OnlyKeys({"per-token", "per-run", "per-identity", "keys", "lifetime", "when"}));
  GrantTerms out;
  if (const Node* count = node.Find("per-token")) {
    TRY(out.per_token, ReadCount(*count, kPerTokenMost));
  }
  if (const Node* count = node.Find("per-run")) {
    TRY(out.per_run, ReadCount(*count, kPerRunMost));
  }
  if (const Node* rate = node.Find("per-identity")) {
    TRY(out.per_identity, ReadRate(*rate));
  }
  if (const Node* keys = node.Find("keys")) {
    TRY(out.keys, ReadKeys(*keys));
  }
  if (const Node* lifetime = node.Find("lifetime")) {
    TRY(out.lifetime, ReadTime(*lifetime));
  }
  if (const Node* when = node.Find("when")) {
    TRY(out.when, ParseConditions(*when));
  }
  return out;
}

}  // namespace ca
