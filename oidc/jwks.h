// An issuer's keys (RFC 7517 5): what can be used is kept, the rest is counted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/jwk.h"
#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadJwks;

// A signature is tried against at most this many keys, so a token without `kid` cannot cost 256
// verifications.
inline constexpr std::size_t kCandidatesMax = 8;

class KeySet {
 public:
  // `text` at most limits::kJwksBytes with at most limits::kJwksKeys keys. A key that PublicKey
  // refuses is skipped (RFC 7517 5); a repeated `kid` keeps all of its keys, and each that fits is
  // tried. Safe on any bytes (tests/fuzz/jwks_fuzz.cc).
  static schema::Result<KeySet> Parse(std::string_view text);

  // The issuer's discovery document names the algorithms it signs with; no others are taken then.
  void RestrictTo(std::vector<const Algorithm*> algorithms) { algorithms_ = std::move(algorithms); }

  // Is there any key with this `kid`? Always true for an empty one unless there are no keys.
  bool Has(std::string_view kid) const;
  // The keys that may have made a signature, in the issuer's order; all that fit when `kid` is
  // empty.
  //
  // kKeyUnknown      no such `kid`, or none given and more than kCandidatesMax keys fit
  // kTokenAlgorithm  the key is for another algorithm, or the issuer does not use it
  schema::Result<std::vector<const PublicKey*>> Select(std::string_view kid,
                                                       const Algorithm& algorithm) const;

  std::size_t size() const { return keys_.size(); }
  const std::vector<std::string>& skipped() const { return skipped_; }  // reasons

 private:
  std::vector<PublicKey> keys_;
  std::vector<std::string> skipped_;
  std::vector<const Algorithm*> algorithms_;  // empty: any
};

}  // namespace oidc
