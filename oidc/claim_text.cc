#include "oidc/claim_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "oidc/verifier.h"
#include "schema/base/limits.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Result;

namespace {

Error ClaimError(std::string_view key, std::string_view why) {
  return Error{&kClaims, std::string("claim \"").append(key).append("\" ").append(why)};
}

// The shortest decimal without exponent: at most 327 characters (5e-324).
std::string FixedText(double value) {
  std::array<char, 400> buffer;
  // +0.0 turns minus zero into zero.
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value + 0.0, std::chars_format::fixed);
  MUST(end.ec == std::errc());
  return std::string(buffer.data(), end.ptr);
}

Result<std::string> NumberText(std::string_view key, const Json& claim, const Rules& rules) {
  const double value = claim.get<double>();
  if (rules.inexact_values) return FixedText(value);
  if (claim.is_number_unsigned()) return std::to_string(claim.get<std::uint64_t>());
  if (claim.is_number_integer()) return std::to_string(claim.get<std::int64_t>());
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double may have lost digits
  if (!(std::fabs(value) <= kExact)) return ClaimError(key, "is a number too large to be exact");
  return FixedText(value);
}

// Go's %v of a float64 inside a list or map: an exponent, of at least two digits, below 1e-4 and
// from 1e6 on.
std::string GoFloat(double value) {
  const double size = std::fabs(value);
  if (size == 0 || (size >= 1e-4 && size < 1e6)) {
    return (std::signbit(value) && size == 0 ? "-" : "") + FixedText(value);
  }
  std::array<char, 64> buffer;
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  MUST(end.ec == std::errc());
  return std::string(buffer.data(), end.ptr);
}

// Go's fmt.Sprintf("%v") of what encoding/json made of it. The depth is that of schema::ParseJson.
std::string GoText(const Json& value) {
  if (value.is_null()) return "<nil>";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return GoFloat(value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  const bool list = value.is_array();
  std::string out = list ? "[" : "map[";
  const std::size_t empty = out.size();
  for (const auto& [name, member] : value.items()) {
    if (out.size() > schema::limits::kClaimTextBytes) break;  // refused by its length anyhow
    if (out.size() > empty) out += ' ';
    if (!list) out.append(name).append(":");
    out += GoText(member);
  }
  return out + "]";
}

}  // namespace

Result<std::string> ClaimText(std::string_view key, const Json& claim, const Rules& rules) {
  if (claim.is_boolean()) return std::string(claim.get<bool>() ? "true" : "false");
  if (claim.is_number()) return NumberText(key, claim, rules);
  std::string text;
  if (claim.is_string()) {
    text = claim.get_ref<const std::string&>();
  } else if (claim.is_null() ? rules.null_is_text : rules.inexact_values) {
    text = GoText(claim);
  } else {
    return ClaimError(key, "is not a text, number or boolean");
  }
  if (text.size() > schema::limits::kClaimTextBytes) return ClaimError(key, "is too long");
  if (text.find('\0') != std::string::npos) return ClaimError(key, "holds a NUL");
  return text;
}

}  // namespace oidc
