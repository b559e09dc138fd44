// A new key in a token, made as the rules (key_rules.h) want it: `chancery hsm generate`, and the
// ceremony.
#pragma once

#include "hsm/token_key.h"

namespace hsm {

// ECDSA P-256 under the label and id that `uri` names; without an id, eight random octets. Both
// halves stay in the token; the private one is sensitive, never extractable, good for signatures
// only. Then the key is opened and proved as a signer does it, and its report (key.h) is returned.
//
//   kKeyUnusable  also when the token has a private key of that label or id already: nothing is
//                 replaced
//   kPinRefused
schema::Result<std::string> GenerateKey(KeyUri uri, const KeyTerms& terms, Modules& modules,
                                        Opening& opening);

}  // namespace hsm
