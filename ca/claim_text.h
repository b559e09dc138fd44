// A claim's value as the policy compares it, and as people read it.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/json.h"

namespace ca {

// Strings as they are; booleans and numbers as JSON writes them. 1.0 and 1 are the same number,
// and issuers write both: whole ones have no fraction.
class ClaimText {
 public:
  explicit ClaimText(const schema::Json& value);

  // False for null, arrays and objects; for numbers whose digits JSON parsing lost (a whole one
  // beyond 2^53 that is not a 64-bit integer, or more than 15 significant digits in a fraction);
  // for a text longer than limits::kClaimTextBytes.
  bool usable() const { return usable_; }
  std::string_view view() const { return text_ != nullptr ? *text_ : std::string_view(own_); }

 private:
  bool usable_ = true;
  const std::string* text_ = nullptr;  // of the value itself: a string is not copied
  std::string own_;
};

// What stands in the token, for people: `missing`, `null`, or the value as JSON, cut at 200 octets.
std::string FoundText(const schema::Json& claims, const std::string& claim);

// JSON text of at most `most` octets and an ellipsis, cut between characters.
std::string Shortened(std::string text, std::size_t most);

}  // namespace ca
