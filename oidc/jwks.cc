#include "oidc/jwks.h"

#include <algorithm>

#include "oidc/verifier.h"
#include "schema/base/limits.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Result;

const schema::ErrorKind kBadJwks{"bad-jwks", schema::Fault::kBusy,
                                 "The issuer's key set cannot be read."};

namespace {
constexpr std::size_t kJwksDepth = 8;
}  // namespace

Result<KeySet> KeySet::Parse(std::string_view text) {
  const auto document = schema::ParseJson(text, {schema::limits::kJwksBytes, kJwksDepth});
  if (!document) return Error{&kBadJwks, document.error().detail};
  if (!document->is_object()) return Error{&kBadJwks, "not an object"};
  const auto keys = document->find("keys");
  if (keys == document->end() || !keys->is_array()) return Error{&kBadJwks, "no list of keys"};
  if (keys->size() > schema::limits::kJwksKeys) return Error{&kBadJwks, "too many keys"};
  KeySet out;
  for (const Json& jwk : *keys) {
    auto key = PublicKey::Parse(jwk);
    if (key) {
      out.keys_.push_back(*std::move(key));
    } else {
      out.skipped_.push_back(std::move(key).error().detail);
    }
  }
  return out;
}

bool KeySet::Has(std::string_view kid) const {
  if (kid.empty()) return !keys_.empty();
  return std::ranges::find(keys_, kid, &PublicKey::kid) != keys_.end();
}

Result<std::vector<const PublicKey*>> KeySet::Select(std::string_view kid,
                                                     const Algorithm& algorithm) const {
  if (!Has(kid)) return Error{&kKeyUnknown, "no such kid"};
  if (!algorithms_.empty() && std::ranges::find(algorithms_, &algorithm) == algorithms_.end())
    return Error{&kTokenAlgorithm, "not among the issuer's signing algorithms"};
  std::vector<const PublicKey*> out;
  for (const PublicKey& key : keys_) {
    if (!kid.empty() && key.kid() != kid) continue;
    if (key.Fits(algorithm)) out.push_back(&key);
  }
  if (out.empty()) return Error{&kTokenAlgorithm, "no key for " + std::string(algorithm.name)};
  if (out.size() > kCandidatesMax) return Error{&kKeyUnknown, "too many keys fit"};
  return out;
}

}  // namespace oidc
