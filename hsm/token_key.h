// A private key in a PKCS#11 token: module, token, login, key, attributes, signature.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hsm/cryptoki.h"
#include "hsm/key.h"
#include "hsm/opening.h"
#include "hsm/pin.h"
#include "hsm/pin_memory.h"
#include "hsm/uri.h"

namespace hsm {

// ca.chain, log.precertificate-chain, tsa.chain
enum class KeyChain { kNone, kIssuing, kPrecertificate, kTimestamp };

// What the configuration says of one key beside its URI.
struct KeyTerms {
  std::string setting;                // "ca.key", for messages
  std::vector<std::string> waived{};  // names of attributes whose rule the operator waived
  bool context_login = false;         // the PIN is given for every signature, where the key asks it
  int sessions = 1;                   // the token has to have room for
  std::filesystem::path state{};      // where a refused PIN is remembered (pin_memory.h)
  int entered_pin = -1;               // descriptor of the PIN that a person entered (pin_prompt.h)
  KeyChain chain = KeyChain::kNone;   // whose first certificate is of this key
};

// What a refused login leaves behind: which PIN not to try again.
struct LoginReport {
  PinTried tried;
};

// Logs in at most once and finds exactly one private and one public key (ECDSA P-256).
//
//   kPinRefused   the token refused the PIN; `report` says which that was
//   kKeyUnusable  anything else, by the step at fault: `opening` has them all. Nothing is tried
//                 with the PIN when the token says that it is locked, has one try left, or was
//                 entered wrongly and the source has no other since.
//
// Blocks as long as the module does. `modules` outlives the key.
schema::Result<std::unique_ptr<SigningKey>> OpenTokenKey(const KeyUri& uri, const KeyTerms& terms,
                                                         Modules& modules, Opening& opening,
                                                         LoginReport& report);

// The one token of the module that matches. Steps kSlot and kToken.
schema::Result<TokenInfo> FindToken(const KeyUri& uri, const Module& module, Opening& opening);

// Steps kPin and kLogin; nothing to do without a pin-source.
schema::Outcome LogIn(const KeyUri& uri, const KeyTerms& terms, const TokenInfo& token,
                      const Session& session, Opening& opening, LoginReport& report);

}  // namespace hsm
