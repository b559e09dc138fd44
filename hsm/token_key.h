// A private key in a PKCS#11 token, through libp11: module, token, login, key, signature.
#pragma once

#include <memory>

#include "hsm/key.h"
#include "hsm/pin.h"
#include "hsm/uri.h"

namespace hsm {

// What a refused login leaves behind: which PIN file content not to try again.
struct LoginReport {
  PinSource tried;
};

// Loads the module, logs in at most once and finds exactly one private and one public key (ECDSA
// P-256).
//
//   kPinRefused   the token refused the PIN; `report` says which PIN file content that was
//   kKeyUnusable  module, token or key is missing, ambiguous or of the wrong kind, or the token
//   says that
//                 the PIN is locked or has one try left: then no login is tried
//
// Blocks as long as the module does.
schema::Result<std::unique_ptr<SigningKey>> OpenTokenKey(const KeyUri& uri, LoginReport& report);

}  // namespace hsm
