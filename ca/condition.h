// One claim, and what a rule wants of it.
//
//   claim: text                exactly this; a number or boolean as JSON writes it
//   claim: {any: [a, b]}       one of these
//   claim: {glob: "a/*/b"}     glob.h: `*` never crosses "/"
//   claim: {regex: 'v[0-9]+'}  RE2, always the whole text
//   claim: {absent: true}      missing or null
//
// An array matches when one of its strings, numbers and booleans does. A claim's name is literal:
// "a.b" is a claim of that name. What cannot be judged (an object, a number that lost its digits, a
// text beyond limits::kClaimTextBytes) is kWrongType whatever is wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ca/claim_text.h"  // FoundText, which goes with WantedText
#include "schema/base/document.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace re2 {
class RE2;
}

namespace ca {

class Condition {
 public:
  enum class Operator : std::uint8_t { kExact, kAny, kGlob, kRegex, kAbsent };
  enum class Finding : std::uint8_t { kMatched, kDiffers, kMissing, kWrongType };

  // `node` is the value beside the claim's name. The error names path, line and what is wrong.
  static schema::Result<Condition> Parse(const std::string& claim, const schema::Node& node);

  const std::string& claim() const { return claim_; }
  Operator op() const { return op_; }
  // One for exact, glob and regex, as written; several for any; none for absent.
  const std::vector<std::string>& values() const { return values_; }
  int line() const { return line_; }

  // Of a whole payload, and of one claim's value (nullptr: not there). Thread-safe; does not throw.
  Finding Test(const schema::Json& claims) const;
  Finding TestValue(const schema::Json* value) const;

  // Of one scalar's text; never for absent.
  bool MatchesText(std::string_view text) const;

 private:
  Condition() = default;
  schema::Outcome ReadMap(const schema::Node& node);
  schema::Outcome ReadAny(const schema::Node& node);
  schema::Outcome ReadGlob(const schema::Node& node);
  schema::Outcome ReadRegex(const schema::Node& node);
  Finding TestArray(const schema::Json& array) const;

  std::string claim_;
  Operator op_ = Operator::kExact;
  std::vector<std::string> values_;
  std::vector<std::uint16_t> sorted_;  // any: positions in values_, by text
  std::shared_ptr<const re2::RE2> regex_;
  int line_ = 0;
};

// All of `when`: a map of at least one claim, at most limits::kPolicyConditions.
schema::Result<std::vector<Condition>> ParseConditions(const schema::Node& node);

// `"text"`, `one of "a", "b"`, `glob "a/*"`, `regex "v[0-9]+"`, `absent`.
std::string WantedText(const Condition& condition);

}  // namespace ca
