// The keys of one signer process and the rules it signs by, from the configuration.
#pragma once

#include <memory>
#include <optional>

#include "hsm/guard.h"
#include "hsm/key.h"
#include "hsm/protocol.h"
#include "hsm/role.h"
#include "hsm/rotation.h"
#include "hsm/token_key.h"
#include "schema/config.h"

namespace hsm {

// What the guard compares with, from the first certificates of ca.chain,
// log.precertificate-chain and tsa.chain, and the settings. The detail starts with the key at
// fault. kKeyUnusable.
schema::Result<GuardSettings> ReadGuardSettings(const schema::Config& config);

// The terms of the keys that may be in a token; the first two for one of their tokens.
KeyTerms IssuingTerms(const schema::Config& config, const schema::KeyToken& key);
KeyTerms LogTerms(const schema::Config& config, const schema::KeyToken& key);
KeyTerms PrecertificateTerms(const schema::Config& config);  // log.precertificate: signer
KeyTerms TimestampTerms(const schema::Config& config);       // with tsa

// Whether the PIN of this signer comes from a command: then nothing can log in again once a signer
// may start no program any more (confine.h), and a lost session costs its process.
bool PinIsOfCommand(const schema::Config& config, Role role, const schema::KeyToken& key);

// Why a chain does not go with a key, and what to do.
inline constexpr std::string_view kOtherChain =
    "the public key of the chain's first certificate is not that of ca.key";
inline constexpr std::string_view kOtherChainRemedy =
    "put the issuing CA's certificate first, or name its key in ca.key";
inline constexpr std::string_view kOtherPrecertificateChain =
    "the public key of the chain's first certificate is not that of log.precertificate-key";
inline constexpr std::string_view kOtherPrecertificateChainRemedy =
    "put the Precertificate Signing Certificate first, or name its key in log.precertificate-key";

inline constexpr std::string_view kOtherTimestampChain =
    "the public key of the chain's first certificate is not that of tsa.key";
inline constexpr std::string_view kOtherTimestampChainRemedy =
    "put the timestamp authority's certificate first, or name its key in tsa.key";

// A signature over kProbePrefix that the key's own public half verifies. kKeyUnusable,
// kDeviceFailed, kSessionLost.
schema::Result<schema::Bytes> Prove(SigningKey& key);

class KeySet {
 public:
  // Opens the keys of `role`, its own in the token `key`, and proves each ECDSA key with a
  // signature that its public half verifies. Details start with the configuration key at fault.
  // kOtherKey: the issuing key is not that of the chain. Modules outlive the set. `entered_pin`: of
  // KeyTerms.
  static schema::Result<KeySet> Open(const schema::Config& config, Role role,
                                     const schema::KeyToken& key, int entered_pin, Modules& modules,
                                     LoginReport& report);

  const Hello& hello() const { return hello_; }
  // kSignerRefused: the guard, or a purpose of the other role. kDeviceFailed, kSessionLost.
  schema::Result<schema::Signature> Sign(Purpose purpose, schema::BytesView bytes,
                                         schema::Time now);
  // kSessionLost.
  schema::Outcome KeepAlive();

 private:
  KeySet() = default;
  schema::Outcome OpenIssuing(const schema::Config& config, const schema::KeyToken& key,
                              int entered_pin, Modules& modules, LoginReport& report);
  schema::Outcome OpenLog(const schema::Config& config, const schema::KeyToken& key,
                          int entered_pin, Modules& modules, LoginReport& report);
  schema::Outcome OpenPrecertificate(const schema::Config& config, const schema::KeyToken& log,
                                     int entered_pin, Modules& modules, LoginReport& report);
  schema::Outcome OpenTimestamp(const schema::Config& config, const schema::KeyToken& log,
                                int entered_pin, Modules& modules, LoginReport& report);
  SigningKey* KeyOf(Purpose purpose);

  GuardSettings guard_;
  std::optional<LeafGuards> leaf_guards_;  // of the log signer
  std::unique_ptr<SigningKey> issuing_, log_, precertificate_, timestamp_, certificates_note_,
      events_note_;
  Hello hello_;
};

}  // namespace hsm
