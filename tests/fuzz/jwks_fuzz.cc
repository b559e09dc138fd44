// Whatever an issuer serves, a key that is taken fits an algorithm of ours and refuses a wrong
// signature.
#include <cstdint>
#include <string_view>

#include "oidc/jwks.h"
#include "schema/base/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = oidc::KeySet::Parse(text);
  if (!keys) {
    MUST(keys.error().Is(oidc::kBadJwks));
    return 0;
  }
  MUST(size <= schema::limits::kJwksBytes);
  MUST(keys->size() + keys->skipped().size() <= schema::limits::kJwksKeys);
  MUST(keys->Has("") == (keys->size() > 0));
  static const schema::Bytes kZero(1024);
  std::size_t reachable = 0;
  for (const oidc::Algorithm& algorithm : oidc::kAlgorithms) {
    const auto found = keys->Select("", algorithm);
    if (!found) continue;
    MUST(!found->empty() && found->size() <= oidc::kCandidatesMax);
    for (const oidc::PublicKey* key : *found) {
      ++reachable;
      MUST(key->Fits(algorithm));
      MUST(keys->Has(key->kid()));
      // No key verifies zeros of any plausible length; r = s = 0 is the case that has fooled
      // others.
      for (const std::size_t length : {64u, 96u, 132u, 256u, 1024u}) {
        const schema::BytesView signature(kZero.data(), length);
        // A low-order Ed25519 point does verify zeros: the issuer that publishes it harms only
        // itself.
        if (algorithm.key_type == oidc::KeyType::kOkp) continue;
        MUST(!key->Verify(algorithm, schema::AsBytes("input"), signature));
      }
    }
  }
  if (keys->size() == 1) MUST(reachable > 0);
  return 0;
}
