#include "ca/policy.h"

#include <algorithm>
#include <set>

#include "ca/policy_content.h"
#include "schema/base/bytes.h"
#include "schema/base/limits.h"

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Node;
using schema::Outcome;
using schema::Result;
namespace limits = schema::limits;

const schema::ErrorKind kBadPolicy{
    "bad-policy", Fault::kUs, "the policy file cannot be used; the detail names the key and line"};

namespace {

Outcome ReadIssuers(const Node& root, PolicyContent* out) {
  TRY(const Node* issuers, root.Need("issuers"));
  if (issuers->kind() != Node::Kind::kMap || issuers->members().empty()) {
    return issuers->Wrong("wanted a map of at least one short name to an issuer");
  }
  if (issuers->members().size() > limits::kPolicyIssuers) {
    return issuers->Wrong("has more than " + std::to_string(limits::kPolicyIssuers) + " issuers");
  }
  for (const auto& [name, node] : issuers->members()) {
    TRY(PolicyIssuer issuer, ParsePolicyIssuer(name, node));
    if (!out->by_url.emplace(issuer.url, out->issuers.size()).second) {
      return node.Wrong("another name stands for the same url");
    }
    out->issuers.push_back(std::move(issuer));
  }
  return schema::Ok();
}

Result<std::vector<Rule>> ReadRules(const Node& list, Effect effect, const PolicyContent& content,
                                    std::set<std::string>* ids) {
  if (list.kind() != Node::Kind::kList) return list.Wrong("wanted a list of rules");
  std::vector<Rule> out;
  for (const Node& item : list.items()) {
    TRY(Rule rule, ParseRule(item, effect, content.issuers));
    if (!ids->insert(rule.id).second) {
      return item.Find("id")->Wrong("another rule has the id '" + rule.id + "'");
    }
    if (ids->size() > limits::kPolicyRules) {
      return item.Wrong("more than " + std::to_string(limits::kPolicyRules) + " rules");
    }
    out.push_back(std::move(rule));
  }
  return out;
}

bool IsRegex(const Condition& condition) { return condition.op() == Condition::Operator::kRegex; }

Outcome CheckRegexes(const Node& root, const PolicyContent& content) {
  std::ptrdiff_t count = 0;
  for (const std::vector<Rule>* rules : {&content.deny, &content.allow}) {
    for (const Rule& rule : *rules) {
      count += std::ranges::count_if(rule.when, IsRegex);
      count += std::ranges::count_if(rule.grant.when, IsRegex);
    }
  }
  if (count <= static_cast<std::ptrdiff_t>(limits::kPolicyRegexes)) return schema::Ok();
  return root.Wrong("has more than " + std::to_string(limits::kPolicyRegexes) +
                    " regexes; use exact values and globs where they do");
}

Outcome Read(std::string_view text, PolicyContent* out) {
  TRY(const Node root, schema::ParseDocument(text));
  if (root.kind() != Node::Kind::kMap) {
    return root.Wrong("wanted a map with `version`, `issuers` and `allow`");
  }
  TRY(root.OnlyKeys({"version", "issuers", "deny", "allow"}));
  TRY(const Node* version, root.Need("version"));
  TRY(version->Integer(1, 1));
  TRY(ReadIssuers(root, out));
  std::set<std::string> ids;
  if (const Node* deny = root.Find("deny")) {
    TRY(out->deny, ReadRules(*deny, Effect::kDeny, *out, &ids));
  }
  // An empty list is a CA that is closed; leaving the key out is a mistake.
  TRY(const Node* allow, root.Need("allow"));
  TRY(out->allow, ReadRules(*allow, Effect::kAllow, *out, &ids));
  return CheckRegexes(root, *out);
}

class Compiler {
 public:
  explicit Compiler(PolicyContent* content) : content_(content) {}

  void Run() {
    for (const Rule& rule : content_->deny) content_->compiled_deny.push_back(Compile(rule));
    for (const Rule& rule : content_->allow) content_->compiled_allow.push_back(Compile(rule));
  }

 private:
  CompiledRule Compile(const Rule& rule) {
    CompiledRule out;
    if (!rule.issuers.empty()) {
      out.issuers.resize(content_->issuers.size());
      for (const std::string& url : rule.issuers) out.issuers[content_->by_url.at(url)] = true;
    }
    out.when_claims = Slots(rule.when);
    out.grant_claims = Slots(rule.grant.when);
    return out;
  }

  std::vector<std::uint16_t> Slots(const std::vector<Condition>& conditions) {
    std::vector<std::uint16_t> out;
    out.reserve(conditions.size());
    for (const Condition& condition : conditions) {
      const auto [slot, is_new] = slots_.emplace(condition.claim(), content_->claims.size());
      if (is_new) content_->claims.push_back(condition.claim());
      out.push_back(static_cast<std::uint16_t>(slot->second));
    }
    return out;
  }

  PolicyContent* content_;
  std::map<std::string, std::size_t> slots_;
};

// 1000 rules of twice 32 conditions: a slot's number has 16 bits.
static_assert(limits::kPolicyRules * limits::kPolicyConditions * 2 <= 65535);

}  // namespace

Result<Policy> Policy::Parse(std::string_view text) {
  auto content = std::make_shared<PolicyContent>();
  content->digest = schema::TextDigest(text);
  Outcome outcome = Read(text, content.get());
  // One file, one kind of error: the document's own say what is wrong, this says of which file.
  if (!outcome) return Error{&kBadPolicy, std::move(outcome).error().detail};
  Compiler(content.get()).Run();
  return Policy(std::move(content));
}

const std::vector<Rule>& Policy::deny() const { return content_->deny; }
const std::vector<Rule>& Policy::allow() const { return content_->allow; }
const std::vector<PolicyIssuer>& Policy::issuers() const { return content_->issuers; }
const std::string& Policy::digest() const { return content_->digest; }

}  // namespace ca
