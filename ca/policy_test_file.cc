#include "ca/policy_test_file.h"

#include <algorithm>
#include <set>

#include "ca/issuer_kind.h"
#include "ca/policy_explain.h"
#include "ca/text.h"
#include "schema/base/limits.h"
#include "schema/base/nearest.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Node;
using schema::Result;

namespace {

constexpr std::string_view kFamilies[] = {kDefaultDeny, "deny-rule", "key"};

Result<Json> ToJson(const Node& node);

Result<Json> NumberOf(const Node& node) {
  auto number = schema::ParseJson(node.text(), {.bytes = 64});
  if (!number || !number->is_number()) {
    return node.Wrong("'" + node.text() + "' is not how JSON writes a number; put it in quotes");
  }
  return *std::move(number);
}

Result<Json> MapOf(const Node& node) {
  Json out = Json::object();
  for (const auto& [name, member] : node.members()) {
    TRY(out[name], ToJson(member));
  }
  return out;
}

Result<Json> ToJson(const Node& node) {
  switch (node.kind()) {
    case Node::Kind::kNull:
      return Json(nullptr);
    case Node::Kind::kBool: {
      TRY(const bool value, node.Bool());
      return Json(value);
    }
    case Node::Kind::kNumber:
      return NumberOf(node);
    case Node::Kind::kString:
      return Json(node.text());
    case Node::Kind::kList: {
      Json out = Json::array();
      for (const Node& item : node.items()) {
        TRY(out.emplace_back(), ToJson(item));
      }
      return out;
    }
    case Node::Kind::kMap:
      return MapOf(node);
  }
  MUST(false);
}

Result<std::optional<schema::Time>> ReadNow(const Node& map) {
  const Node* node = map.Find("now");
  if (node == nullptr) return std::optional<schema::Time>();
  TRY(const std::string text, node->String());
  auto time = schema::ParseTime(text);
  if (!time) {
    return node->Wrong("wanted a time such as 2026-11-21T10:00:00Z or 2026-11-21, found '" + text +
                       "'");
  }
  return std::optional<schema::Time>(*time);
}

Result<std::string> NeedText(const Node& map, std::string_view key) {
  TRY(const Node* node, map.Need(key));
  TRY(std::string text, node->String());
  if (text.empty() || text.size() > schema::limits::kPolicyTextBytes) {
    return node->Wrong("wanted 1 to " + std::to_string(schema::limits::kPolicyTextBytes) +
                       " octets");
  }
  return text;
}

Result<PolicyCase> ReadCase(const Node& node) {
  TRY(node.OnlyKeys({"name", "issuer", "claims", "key", "now", "expect"}));
  PolicyCase out;
  out.line = node.line();
  TRY(out.name, NeedText(node, "name"));
  TRY(out.issuer, NeedText(node, "issuer"));
  TRY(out.expect, NeedText(node, "expect"));
  TRY(const Node* claims, node.Need("claims"));
  if (claims->kind() != Node::Kind::kMap) return claims->Wrong("wanted a map of claims");
  TRY(out.claims, ToJson(*claims));
  if (const Node* key = node.Find("key")) {
    TRY(out.key, key->String());
    const auto known = CheckKeyName(out.key);
    if (!known) return key->Wrong(known.error().detail);
  }
  TRY(out.now, ReadNow(node));
  return out;
}

Result<PolicyTestFile> Read(std::string_view text) {
  TRY(const Node root, schema::ParseDocument(text));
  if (root.kind() != Node::Kind::kMap) return root.Wrong("wanted a map with `cases`");
  TRY(root.OnlyKeys({"policy", "now", "bases", "cases"}));
  PolicyTestFile out;
  if (root.Find("policy") != nullptr) {
    TRY(out.policy, NeedText(root, "policy"));
  }
  TRY(const std::optional<schema::Time> now, ReadNow(root));
  TRY(const Node* cases, root.Need("cases"));
  if (cases->kind() != Node::Kind::kList || cases->items().empty()) {
    return cases->Wrong("wanted a list of at least one case");
  }
  std::set<std::string> names;
  for (const Node& item : cases->items()) {
    TRY(PolicyCase one, ReadCase(item));
    if (!names.insert(one.name).second) return item.Wrong("another case has this name");
    if (!one.now) one.now = now;
    out.cases.push_back(std::move(one));
  }
  return out;
}

const Rule* FindRule(const Policy& policy, std::string_view id) {
  for (const std::vector<Rule>* rules : {&policy.deny(), &policy.allow()}) {
    const auto found = std::ranges::find(*rules, id, &Rule::id);
    if (found != rules->end()) return &*found;
  }
  return nullptr;
}

bool IsFamily(std::string_view text) {
  return std::ranges::find(kFamilies, text) != std::end(kFamilies);
}

// Why `expect` cannot be met by any decision; empty: it can.
std::string WrongExpect(const Policy& policy, const std::string& expect) {
  const Rule* rule = FindRule(policy, expect);
  if (rule != nullptr && IsFamily(expect)) {
    return "'" + expect + "' is a family of refusals and a rule of this policy; rename the rule";
  }
  if (rule != nullptr && rule->mode == Mode::kAudit) {
    return "rule '" + expect + "' is in audit mode and decides nothing";
  }
  if (rule != nullptr || IsFamily(expect)) return "";
  std::vector<std::string_view> ids(std::begin(kFamilies), std::end(kFamilies));
  for (const Rule& one : policy.deny()) ids.push_back(one.id);
  for (const Rule& one : policy.allow()) ids.push_back(one.id);
  const std::string_view near = schema::Nearest(expect, ids);
  std::string why = "the policy has no rule '" + expect + "'";
  if (!near.empty()) why.append("; did you mean '").append(near).append("'?");
  return why;
}

bool Meets(const Decision& decision, const std::string& expect) {
  if (IsFamily(expect)) return decision.family() == expect;
  // An allow rule that only the key type kept from deciding did not decide.
  return decision.family() != "key" && decision.rule() == expect;
}

CaseResult RunCase(const Policy& policy, const PolicyCase& one, schema::Time now) {
  CaseResult result{&one, false, WrongExpect(policy, one.expect), ""};
  if (!result.found.empty()) return result;
  auto identity = IdentityOf(policy, one.claims, one.issuer);
  if (!identity) {
    result.found = identity.error().detail;
    return result;
  }
  const Asked asked{*std::move(identity), one.key, one.now.value_or(now)};
  const Decision decision = policy.Decide(asked.identity, asked.key, asked.now);
  result.passed = Meets(decision, one.expect);
  result.found = Verdict(decision);
  if (!result.passed) result.explain = ExplainText(policy, asked);
  return result;
}

std::string Indented(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out += "    " + text.substr(at, end - at);
    out += "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

Result<PolicyTestFile> ParsePolicyTests(std::string_view text) {
  auto file = Read(text);
  if (!file) return Error{&kBadInput, file.error().detail};
  return file;
}

TestResult RunPolicyTests(const Policy& policy, const PolicyTestFile& file, schema::Time now) {
  TestResult result;
  std::set<std::string> expected;
  for (const PolicyCase& one : file.cases) {
    result.cases.push_back(RunCase(policy, one, now));
    if (!result.cases.back().passed) ++result.failed;
    expected.insert(one.expect);
  }
  for (const std::vector<Rule>* rules : {&policy.deny(), &policy.allow()}) {
    for (const Rule& rule : *rules) {
      if (rule.mode == Mode::kEnforce && !expected.contains(rule.id)) {
        result.untested.push_back(rule.id);
      }
    }
  }
  return result;
}

std::string TestReport(const TestResult& result) {
  std::string out;
  for (const CaseResult& one : result.cases) {
    if (one.passed) continue;
    out += "FAILED " + Plain(one.of->name) + " (line " + std::to_string(one.of->line) + ")\n";
    out += "  expected " + Plain(one.of->expect) + "\n  found    " + Plain(one.found) + "\n";
    if (!one.explain.empty()) out += "\n" + Indented(one.explain);
    out += "\n";
  }
  out += std::to_string(result.cases.size()) + (result.cases.size() == 1 ? " case, " : " cases, ");
  out += std::to_string(result.failed) + " failed\n";
  if (!result.untested.empty()) {
    out += "no case expects:";
    for (const std::string& id : result.untested) out += " " + id;
    out += "\n";
  }
  return out;
}

Json TestJson(const TestResult& result) {
  Json cases = Json::array();
  for (const CaseResult& one : result.cases) {
    cases.push_back({{"name", one.of->name},
                     {"line", one.of->line},
                     {"passed", one.passed},
                     {"expected", one.of->expect},
                     {"found", one.found}});
  }
  return {{"failed", result.failed}, {"untested", result.untested}, {"cases", std::move(cases)}};
}

}  // namespace ca
