// The signature algorithms a token may use: asymmetric ones only, so there is no `none` and no HMAC
// to confuse with a public key (RFC 8725 3.1, 3.2).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace oidc {

enum class KeyType { kRsa, kEc, kOkp };  // JWK "kty" (RFC 7518 6.1, RFC 8037 2)

struct Algorithm {
  std::string_view name;  // JWS "alg"
  KeyType key_type;
  std::string_view curve;        // JWK "crv"; empty for RSA
  std::size_t coordinate_bytes;  // EC only: length of r, s, x and y (RFC 7518 3.4)
  const char* digest;            // OpenSSL's name; nullptr: Ed25519 has none
  bool pss;
};

// RFC 7518 3.1 and RFC 8037 3.1.
inline constexpr std::array<Algorithm, 10> kAlgorithms{{
    {"RS256", KeyType::kRsa, "", 0, "SHA256", false},
    {"RS384", KeyType::kRsa, "", 0, "SHA384", false},
    {"RS512", KeyType::kRsa, "", 0, "SHA512", false},
    {"PS256", KeyType::kRsa, "", 0, "SHA256", true},
    {"PS384", KeyType::kRsa, "", 0, "SHA384", true},
    {"PS512", KeyType::kRsa, "", 0, "SHA512", true},
    {"ES256", KeyType::kEc, "P-256", 32, "SHA256", false},
    {"ES384", KeyType::kEc, "P-384", 48, "SHA384", false},
    {"ES512", KeyType::kEc, "P-521", 66, "SHA512", false},
    {"EdDSA", KeyType::kOkp, "Ed25519", 0, nullptr, false},
}};

// Case matters (RFC 7515 4.1.1). nullptr when it is not one of ours.
constexpr const Algorithm* FindAlgorithm(std::string_view name) {
  for (const Algorithm& algorithm : kAlgorithms)
    if (algorithm.name == name) return &algorithm;
  return nullptr;
}

constexpr std::size_t IndexOf(const Algorithm& algorithm) {
  return static_cast<std::size_t>(&algorithm - kAlgorithms.data());
}

}  // namespace oidc
