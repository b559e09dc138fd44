// A private key that signs, wherever it lives. Used in signer processes only, by one thread.
#pragma once

#include <string>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// kBusy: the device did not sign. The signer answers with it and exits; a fresh process may do
// better.
extern const schema::ErrorKind kDeviceFailed;
// kBusy: the session, the login or the key's handle is gone. The signer answers with it and waits
// to be told to open its keys again.
extern const schema::ErrorKind kSessionLost;

class SigningKey {
 public:
  virtual ~SigningKey() = default;
  // ECDSA P-256 with SHA-256 as ECDSA-Sig-Value DER, or 64 octets Ed25519 (RFC 8032).
  virtual schema::Result<schema::Signature> Sign(schema::BytesView message) = 0;
  // Whether it could sign now, without a signature; keeps a session from expiring. kSessionLost.
  virtual schema::Outcome KeepAlive() { return schema::Ok(); }
  virtual const schema::SpkiDer& spki() const = 0;
  // "label (serial, manufacturer)" and the serial; empty for a file.
  virtual std::string token() const { return {}; }
  virtual std::string token_serial() const { return {}; }
  // The `key-attributes-read` event without its type, a JSON object; empty for a file.
  virtual std::string report() const { return {}; }
};

}  // namespace hsm
