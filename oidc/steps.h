// The steps of a token's verification by name, in this order: what `token inspect` lists, and what
// a refusal names where the issuer has verbose-denials.
#pragma once

#include <string_view>

namespace oidc::step {

inline constexpr std::string_view kShape = "shape";
inline constexpr std::string_view kHeader = "header";
inline constexpr std::string_view kIssuer = "issuer";
inline constexpr std::string_view kKey = "key";
inline constexpr std::string_view kSignature = "signature";
inline constexpr std::string_view kAudience = "audience";
inline constexpr std::string_view kTimes = "times";
inline constexpr std::string_view kJti = "jti";
inline constexpr std::string_view kMapping = "mapping";

}  // namespace oidc::step
