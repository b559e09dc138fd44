// A private key that signs, wherever it lives. Used in signer processes only, by one thread.
#pragma once

#include <string>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// kBusy: the device did not sign. The signer answers with it and exits; libp11 0.4.12 does not heal
// inside one process, a fresh process does.
extern const schema::ErrorKind kDeviceFailed;

class SigningKey {
 public:
  virtual ~SigningKey() = default;
  // ECDSA P-256 with SHA-256 as ECDSA-Sig-Value DER, or 64 octets Ed25519 (RFC 8032).
  virtual schema::Result<schema::Signature> Sign(schema::BytesView message) = 0;
  virtual const schema::SpkiDer& spki() const = 0;
  // "label (serial, manufacturer)" and the serial; empty for a file.
  virtual std::string token() const { return {}; }
  virtual std::string token_serial() const { return {}; }
};

}  // namespace hsm
