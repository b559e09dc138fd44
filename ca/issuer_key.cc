#include "ca/issuer_key.h"

#include "ca/chain.h"

namespace ca {

using schema::Error;

const schema::ErrorKind kSelfCheck = {
    "signature-self-check", schema::Fault::kBusy,
    "the signing device returned a wrong signature, which was withheld; retry"};

schema::Result<IssuerKey> IssuerKey::Load(const schema::SpkiDer& spki) {
  const std::uint8_t* at = spki.view().data();
  schema::OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key || EVP_PKEY_get_bits(key.get()) != 256 || !EVP_PKEY_is_a(key.get(), "EC")) {
    return Error{&kBadChain, "the issuing key is not ECDSA P-256"};
  }
  return IssuerKey(std::move(key));
}

schema::Outcome IssuerKey::Verify(schema::BytesView bytes,
                                  const schema::Signature& signature) const {
  const schema::Hash digest = schema::Sha256(bytes);
  const schema::OwnedKeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  MUST(context && EVP_PKEY_verify_init(context.get()) == 1);
  const schema::BytesView sig = signature.view();
  if (EVP_PKEY_verify(context.get(), sig.data(), sig.size(), digest.data(), digest.size()) != 1) {
    return Error{&kSelfCheck, schema::OpensslError()};
  }
  return schema::Ok();
}

}  // namespace ca
