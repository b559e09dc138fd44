#include "ca/policy.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "schema/base/document.h"

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Node;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadPolicy{
    "bad-policy", Fault::kUs, "the policy file cannot be used; the detail names the key and line"};
const schema::ErrorKind kPolicyDenied{
    "policy-denied", Fault::kPolicy,
    "no rule of this CA's policy allows this identity; ask the security team for a rule"};

namespace {

constexpr std::string_view kAllowAll = "allow-all";
constexpr std::string_view kDefaultDeny = "default-deny";
constexpr std::size_t kIdMax = 64;
constexpr double kExactMax = 9007199254740992.0;  // 2^53: beyond it a double has lost digits

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kIdMax && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<std::string> ReadId(const Node& rule, std::set<std::string>* seen) {
  TRY(const Node* node, rule.Need("id"));
  TRY(std::string id, node->String());
  if (!IsId(id)) return node->Wrong("wanted 1 to 64 letters, digits, '-', '_' or '.'");
  if (id == kAllowAll || id == kDefaultDeny) return node->Wrong("this id is reserved");
  if (!seen->insert(id).second) return node->Wrong("another rule has this id");
  return id;
}

using Claims = std::vector<std::pair<std::string, std::string>>;

Result<Claims> ReadClaims(const Node& rule) {
  TRY(const Node* node, rule.Need("claims"));
  // An empty map would match every token of the issuer: that has to be written as `allow: all`.
  if (node->kind() != Node::Kind::kMap || node->members().empty()) {
    return node->Wrong("wanted a map of at least one claim to its value");
  }
  Claims claims;
  for (const auto& [name, value] : node->members()) {
    if (value.kind() == Node::Kind::kNull) return value.Wrong("wanted a value; quote \"null\"");
    TRY(std::string text, value.String());
    claims.emplace_back(name, std::move(text));
  }
  return claims;
}

// What a claim's value is compared as; none for what never matches.
std::optional<std::string> ClaimText(const schema::Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!(std::fabs(number) <= kExactMax)) return std::nullopt;
    // 1.0 and 1 are the same JSON number, and issuers write both.
    if (std::trunc(number) == number) return std::to_string(static_cast<std::int64_t>(number));
  }
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

bool Matches(const schema::Json& claims, const Claims& wanted) {
  if (!claims.is_object()) return false;
  return std::ranges::all_of(wanted, [&](const auto& want) {
    const auto claim = claims.find(want.first);
    return claim != claims.end() && ClaimText(*claim) == want.second;
  });
}

// One file, one kind of error: the document's own say what is wrong, this says of which file.
Error AsPolicyError(Error error) { return {&kBadPolicy, std::move(error.detail)}; }

}  // namespace

Outcome Policy::ReadIssuer(const std::string& issuer, const Node& node,
                           std::set<std::string>* ids) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted a map with the key `allow`");
  TRY(node.OnlyKeys({"allow"}));
  TRY(const Node* allow, node.Need("allow"));
  std::vector<Rule>& rules = issuers_[issuer];
  if (allow->kind() == Node::Kind::kString && allow->text() == "all") {
    rules.push_back({std::string(kAllowAll), {}});
    return schema::Ok();
  }
  if (allow->kind() != Node::Kind::kList || allow->items().empty()) {
    return allow->Wrong("wanted `all` or a list of at least one rule");
  }
  for (const Node& item : allow->items()) {
    if (item.kind() != Node::Kind::kMap) return item.Wrong("wanted a rule with `id` and `claims`");
    TRY(item.OnlyKeys({"id", "claims"}));
    Rule rule;
    TRY(rule.id, ReadId(item, ids));
    TRY(rule.claims, ReadClaims(item));
    rules.push_back(std::move(rule));
  }
  return schema::Ok();
}

Outcome Policy::Read(std::string_view text) {
  TRY(const Node root, schema::ParseDocument(text));
  if (root.kind() != Node::Kind::kMap)
    return root.Wrong("wanted a map with `version` and `issuers`");
  TRY(root.OnlyKeys({"version", "issuers"}));
  TRY(const Node* version, root.Need("version"));
  TRY(version->Integer(1, 1));
  TRY(const Node* issuers, root.Need("issuers"));
  if (issuers->kind() != Node::Kind::kMap || issuers->members().empty()) {
    return issuers->Wrong("wanted at least one issuer");
  }
  std::set<std::string> ids;
  for (const auto& [issuer, node] : issuers->members()) TRY(ReadIssuer(issuer, node, &ids));
  return schema::Ok();
}

Result<Policy> Policy::Parse(std::string_view text) {
  Policy policy;
  policy.digest_ = schema::Hex(schema::Sha256(schema::AsBytes(text)));
  Outcome outcome = policy.Read(text);
  if (!outcome) return AsPolicyError(std::move(outcome).error());
  return policy;
}

Decision Policy::Decide(const schema::Identity& identity) const {
  Decision decision;
  decision.digest_ = digest_;
  decision.rule_ = kDefaultDeny;
  const auto issuer = issuers_.find(identity.issuer);
  if (issuer == issuers_.end()) return decision;
  for (const Rule& rule : issuer->second) {
    const bool matched = Matches(identity.claims, rule.claims);
    decision.checks_.push_back({rule.id, matched});
    // The rest is still evaluated, so that the events log tells reviewers every rule that would
    // have allowed.
    if (matched && !decision.allowed_) {
      decision.allowed_ = true;
      decision.rule_ = rule.id;
    }
  }
  return decision;
}

}  // namespace ca
