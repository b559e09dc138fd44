// What a transcript calls keys and certificates.
#pragma once

#include <string_view>

namespace ca::ceremony {

// Both a key and a certificate of it.
inline constexpr std::string_view kRoot = "root";
inline constexpr std::string_view kPreviousRoot = "previous-root";
inline constexpr std::string_view kIssuing = "issuing";
inline constexpr std::string_view kPrecertificate = "precertificate";
inline constexpr std::string_view kTimestamp = "timestamp";
// A key only.
inline constexpr std::string_view kLog = "log";
// Certificates only: the one that is renewed, and cross-certificates (RFC 4210 4.4.1). The previous
// root's key signed by the new root, and the other way round.
inline constexpr std::string_view kRenewed = "renewed";
inline constexpr std::string_view kOldWithNew = "old-with-new";
inline constexpr std::string_view kNewWithOld = "new-with-old";

}  // namespace ca::ceremony
