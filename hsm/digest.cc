#include "hsm/digest.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>

#include "hsm/custody.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::BytesView;
using schema::Error;

namespace {

const EVP_MD* Sha256Method() {
  static const schema::Owned<EVP_MD, EVP_MD_free> method(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  MUST(method != nullptr);
  return method.get();
}

}  // namespace

schema::Hash Sha256Of(BytesView message) {
  schema::Hash digest{};
  MUST(EVP_Digest(message.data(), message.size(), digest.data(), nullptr, Sha256Method(),
                  nullptr) == 1);
  return digest;
}

schema::Result<schema::SpkiDer> P256Spki(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return Error{&kKeyUnusable, "public key: " + schema::OpensslError()};
  schema::SpkiDer spki(schema::Bytes(der, der + size));
  OPENSSL_free(der);
  if (spki.size() != kP256SpkiHead.size() + 64 ||
      !schema::Equal(spki.view().first(kP256SpkiHead.size()), kP256SpkiHead)) {
    return Error{&kKeyUnusable, "not an ECDSA P-256 key"};
  }
  return spki;
}

bool VerifyP256(const schema::SpkiDer& spki, BytesView message, BytesView signature) {
  const unsigned char* p = spki.view().data();
  const schema::OwnedKey key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
  if (key == nullptr) return false;
  const schema::OwnedKeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  const schema::Hash digest = Sha256Of(message);
  return context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                         digest.size()) == 1;
}

}  // namespace hsm
