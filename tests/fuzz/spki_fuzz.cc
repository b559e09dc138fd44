// A SubjectPublicKeyInfo that we read is written back octet for octet, and OpenSSL reads the same
// key from it; PEM that we read says the same when we write it.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstdint>

#include "ca/key_strength.h"
#include "ca/pem.h"
#include "ca/request.h"
#include "ca/spki.h"

namespace {

using schema::BytesView;

void CheckKey(const ca::RawKey& key) {
  if (!ca::CheckStrength(key)) return;
  MUST(!ca::AlgorithmName(key).empty());
  const auto loaded = ca::LoadKey(key);
  const BytesView spki = key.spki.view();
  const std::uint8_t* at = spki.data();
  const schema::OwnedKey theirs(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  ERR_clear_error();
  MUST(loaded.has_value() == (theirs != nullptr));
  if (!loaded) return;
  MUST(at == spki.data() + spki.size());
  MUST(EVP_PKEY_eq(*loaded, theirs.get()) == 1);
}

void CheckPem(std::string_view text) {
  const auto blocks = ca::ParsePem(text, 4);
  if (!blocks) return;
  for (const ca::PemBlock& block : *blocks) {
    const std::string written = ca::Pem(block.label, block.der);
    const auto again = ca::ParsePem(written, 1);
    MUST(again && again->front().label == block.label && again->front().der == block.der);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(data, size);
  if (const auto key = ca::ReadSpki(bytes)) {
    MUST(schema::Equal(key->spki.view(), bytes));
    CheckKey(*key);
  }
  if (const auto key = ca::ReadRsaPublicKey(bytes)) {
    const auto again = ca::ReadSpki(key->spki.view());
    MUST(again && schema::Equal(again->key_bits, bytes));
    CheckKey(*key);
  }
  CheckPem(schema::AsText(bytes));
  // Without a proof nobody gets a key.
  MUST(!ca::CheckRequest({std::string(schema::AsText(bytes)), {}, ""}, "subject"));
  return 0;
}
