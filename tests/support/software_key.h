// Ed25519 keys in memory, as witnesses and notes use them.
#pragma once

#include <string>

#include "hsm/key.h"
#include "schema/log/verifier_key.h"
#include "tests/support/fake_custody.h"
#include "tests/support/test_ca.h"

namespace support {

class SoftwareKey final : public hsm::SigningKey {
 public:
  explicit SoftwareKey(EVP_PKEY* key) : key_(key), spki_(SpkiOf(key)) {}
  schema::Result<schema::Signature> Sign(schema::BytesView message) override {
    return SignWith(key_, message);
  }
  const schema::SpkiDer& spki() const override { return spki_; }

 private:
  EVP_PKEY* key_;
  schema::SpkiDer spki_;
};

inline schema::OwnedKey MakeEd25519() {
  schema::OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  MUST(key != nullptr);
  return key;
}

inline schema::VerifierKey NoteKeyOf(const std::string& name, EVP_PKEY* key,
                                     schema::NoteKeyType type) {
  const schema::SpkiDer spki = SpkiOf(key);
  return {name, type, schema::ToBytes(spki.view().last(32))};
}

}  // namespace support
