// Every limit on outside input, with its unit, in one place.
#pragma once

#include <chrono>
#include <cstddef>

namespace schema::limits {

inline constexpr std::size_t kRequestBodyBytes =
    64 * 1024;  // a signing request; Fulcio takes 4 MiB
inline constexpr std::size_t kRequestHeadBytes =
    32 * 1024;                                         // request line and header fields together
inline constexpr std::size_t kTokenBytes = 16 * 1024;  // compact JWS
inline constexpr std::size_t kClaimTextBytes = 4096;  // one claim's text in a template or extension
inline constexpr std::size_t kTbsBytes =
    32 * 1024;                                      // TBSCertificate we are willing to make or sign
inline constexpr std::size_t kKeyBytes = 8 * 1024;  // a submitted public key or CSR, any form
inline constexpr std::size_t kJwksBytes = 256 * 1024;
inline constexpr std::size_t kJwksKeys = 256;
inline constexpr std::size_t kEventBytes = 65535;     // tlog-tiles: an entry has a 16-bit length
inline constexpr std::size_t kNoteBytes = 4096;       // a checkpoint's text
inline constexpr std::size_t kSequencerQueue = 1024;  // entries waiting for a commit
inline constexpr std::size_t kCommitBatch = 256;      // entries in one commit
inline constexpr std::size_t kGetEntriesBytes = 4 * 1024 * 1024;  // one get-entries answer
// policy.yaml: what one file may hold. Together they bound a decision and what a policy costs in
// memory.
inline constexpr std::size_t kPolicyRules = 1000;  // deny and allow together
inline constexpr std::size_t kPolicyIssuers = 256;
inline constexpr std::size_t kPolicyConditions = 32;           // of one `when`
inline constexpr std::size_t kPolicyValues = 1000;             // of one `any`
inline constexpr std::size_t kPolicyRegexes = 512;             // of one file
inline constexpr std::size_t kPolicyRegexBytes = 1024;         // of one regex, as written
inline constexpr std::size_t kPolicyRegexMemory = 256 * 1024;  // of one regex, program and DFA
inline constexpr std::size_t kPolicyTextBytes = 1024;  // description, owner, ticket, claim name
inline constexpr std::chrono::seconds kTokenAge{
    24 * 3600};  // hard limit on exp - iat, whatever is configured
inline constexpr std::chrono::milliseconds kHsmWait{
    1000};  // longest wait of one request for a signature

}  // namespace schema::limits
