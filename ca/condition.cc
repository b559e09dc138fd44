#include "ca/condition.h"

#include <re2/re2.h>

#include <algorithm>
#include <numeric>

#include "ca/glob.h"
#include "schema/base/limits.h"

namespace ca {

using schema::Json;
using schema::Node;
using schema::Outcome;
using schema::Result;
namespace limits = schema::limits;

namespace {

// Built once: constructing options costs more than many matches.
const re2::RE2::Options& RegexOptions() {
  static const re2::RE2::Options options = [] {
    re2::RE2::Options o(re2::RE2::Quiet);
    o.set_max_mem(limits::kPolicyRegexMemory);
    return o;
  }();
  return options;
}

// A value as it will be compared. What YAML would read as another number than it shows (007, 1e3,
// 0x10, a commit id of digits and one "e") is refused instead of never matching.
Result<std::string> ReadScalar(const Node& node) {
  if (node.IsNull()) return node.Wrong("wanted a value; quote \"null\", or use {absent: true}");
  if (node.kind() == Node::Kind::kBool) {
    TRY(const bool value, node.Bool());
    return std::string(value ? "true" : "false");
  }
  TRY(std::string text, node.String());
  if (text.size() > limits::kClaimTextBytes) {
    return node.Wrong("is longer than " + std::to_string(limits::kClaimTextBytes) + " octets");
  }
  if (node.kind() == Node::Kind::kNumber) {
    const Json number = Json::parse(text, nullptr, false);
    if (!number.is_number() || ClaimText(number).view() != text || !ClaimText(number).usable()) {
      return node.Wrong("'" + text + "' is not how JSON writes this number; put it in quotes");
    }
  }
  return text;
}

}  // namespace

Outcome Condition::ReadAny(const Node& node) {
  op_ = Operator::kAny;
  if (node.kind() != Node::Kind::kList || node.items().empty()) {
    return node.Wrong("wanted a list of at least one value");
  }
  if (node.items().size() > limits::kPolicyValues) {
    return node.Wrong("has more than " + std::to_string(limits::kPolicyValues) + " values");
  }
  for (const Node& item : node.items()) {
    TRY(std::string value, ReadScalar(item));
    if (std::ranges::find(values_, value) != values_.end()) {
      return item.Wrong("'" + value + "' is there twice");
    }
    values_.push_back(std::move(value));
  }
  sorted_.resize(values_.size());
  std::iota(sorted_.begin(), sorted_.end(), std::uint16_t{0});
  std::ranges::sort(sorted_, {}, [this](std::uint16_t i) { return std::string_view(values_[i]); });
  return schema::Ok();
}

Outcome Condition::ReadGlob(const Node& node) {
  op_ = Operator::kGlob;
  TRY(std::string glob, node.String());
  if (glob.empty()) return node.Wrong("is empty; write \"\" without glob for an empty claim");
  if (glob.size() > limits::kPolicyTextBytes) {
    return node.Wrong("is longer than " + std::to_string(limits::kPolicyTextBytes) + " octets");
  }
  if (glob.find("**") != std::string::npos) {
    return node.Wrong("`**` means nothing more than `*`, which never crosses \"/\"; write one");
  }
  values_.push_back(std::move(glob));
  return schema::Ok();
}

Outcome Condition::ReadRegex(const Node& node) {
  op_ = Operator::kRegex;
  TRY(std::string regex, node.String());
  if (regex.empty()) return node.Wrong("is empty; write \"\" without regex for an empty claim");
  if (regex.size() > limits::kPolicyRegexBytes) {
    return node.Wrong("is longer than " + std::to_string(limits::kPolicyRegexBytes) + " octets");
  }
  auto compiled = std::make_shared<const re2::RE2>(regex, RegexOptions());
  if (!compiled->ok()) {
    // RE2 has no look-around and no back references, which is how it stays linear.
    return node.Wrong("is not a usable RE2 expression: " + compiled->error());
  }
  regex_ = std::move(compiled);
  values_.push_back(std::move(regex));
  return schema::Ok();
}

Outcome Condition::ReadMap(const Node& node) {
  TRY(node.OnlyKeys({"any", "glob", "regex", "absent"}));
  if (node.members().size() != 1) {
    return node.Wrong("wanted one of any, glob, regex and absent");
  }
  const auto& [name, value] = node.members().front();
  if (name == "any") return ReadAny(value);
  if (name == "glob") return ReadGlob(value);
  if (name == "regex") return ReadRegex(value);
  op_ = Operator::kAbsent;
  TRY(const bool absent, value.Bool());
  if (!absent)
    return value.Wrong("wanted true; to demand that a claim is there, say what it holds");
  return schema::Ok();
}

Result<Condition> Condition::Parse(const std::string& claim, const Node& node) {
  Condition out;
  if (claim.empty() || claim.size() > limits::kPolicyTextBytes) {
    return node.Wrong("wanted a claim's name of 1 to " + std::to_string(limits::kPolicyTextBytes) +
                      " octets");
  }
  out.claim_ = claim;
  out.line_ = node.line();
  if (node.kind() == Node::Kind::kMap) {
    TRY(out.ReadMap(node));
    return out;
  }
  if (node.kind() == Node::Kind::kList) {
    return node.Wrong("wanted one value; for one of several write {any: […]}");
  }
  TRY(std::string value, ReadScalar(node));
  out.values_.push_back(std::move(value));
  return out;
}

Result<std::vector<Condition>> ParseConditions(const Node& node) {
  if (node.kind() != Node::Kind::kMap || node.members().empty()) {
    return node.Wrong("wanted a map of at least one claim to what it must be");
  }
  if (node.members().size() > limits::kPolicyConditions) {
    return node.Wrong("has more than " + std::to_string(limits::kPolicyConditions) + " claims");
  }
  std::vector<Condition> out;
  out.reserve(node.members().size());
  for (const auto& [claim, value] : node.members()) {
    TRY(Condition condition, Condition::Parse(claim, value));
    out.push_back(std::move(condition));
  }
  return out;
}

bool Condition::MatchesText(std::string_view text) const {
  switch (op_) {
    case Operator::kExact:
      return text == values_.front();
    case Operator::kAny: {
      const auto at = std::ranges::lower_bound(
          sorted_, text, {}, [this](std::uint16_t i) { return std::string_view(values_[i]); });
      return at != sorted_.end() && values_[*at] == text;
    }
    case Operator::kGlob:
      return GlobMatches(values_.front(), text);
    case Operator::kRegex:
      return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
    case Operator::kAbsent:
      return false;
  }
  MUST(false);
}

Condition::Finding Condition::TestArray(const Json& array) const {
  if (op_ == Operator::kAbsent) return Finding::kDiffers;
  bool judged = true;
  for (const Json& element : array) {
    if (element.is_null()) continue;
    const ClaimText text(element);
    if (text.usable() && MatchesText(text.view())) return Finding::kMatched;
    judged = judged && text.usable();
  }
  return judged ? Finding::kDiffers : Finding::kWrongType;
}

Condition::Finding Condition::TestValue(const Json* value) const {
  if (value == nullptr || value->is_null()) {
    return op_ == Operator::kAbsent ? Finding::kMatched : Finding::kMissing;
  }
  if (value->is_array()) return TestArray(*value);
  const ClaimText text(*value);
  if (!text.usable()) return Finding::kWrongType;
  return MatchesText(text.view()) ? Finding::kMatched : Finding::kDiffers;
}

Condition::Finding Condition::Test(const Json& claims) const {
  if (!claims.is_object()) return TestValue(nullptr);
  const auto found = claims.find(claim_);
  return TestValue(found == claims.end() ? nullptr : &*found);
}

std::string WantedText(const Condition& condition) {
  std::string out;
  switch (condition.op()) {
    case Condition::Operator::kExact:
      break;
    case Condition::Operator::kAny:
      out = "one of ";
      break;
    case Condition::Operator::kGlob:
      out = "glob ";
      break;
    case Condition::Operator::kRegex:
      out = "regex ";
      break;
    case Condition::Operator::kAbsent:
      return "absent";
  }
  for (const std::string& value : condition.values()) {
    if (&value != &condition.values().front()) out += ", ";
    schema::AppendJsonText(value, out);
  }
  return out;
}

}  // namespace ca
