#include "ca/audit/public_key.h"

#include <openssl/err.h>

namespace ca::audit {

using schema::BytesView;
using schema::Result;

const schema::ErrorKind kBadKey{"bad-key", schema::Fault::kCaller,
                                "not an ECDSA P-256 or Ed25519 public key"};

Result<PublicKey> PublicKey::Load(BytesView spki) {
  const unsigned char* p = spki.data();
  schema::OwnedKey key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
  if (!key || p != spki.data() + spki.size()) {
    return schema::Error{&kBadKey, schema::OpensslError()};
  }
  if (EVP_PKEY_is_a(key.get(), "ED25519")) return PublicKey(std::move(key), nullptr);
  char group[16] = {};
  if (!EVP_PKEY_is_a(key.get(), "EC") ||
      EVP_PKEY_get_group_name(key.get(), group, sizeof(group), nullptr) != 1 ||
      std::string_view(group) != "prime256v1") {
    ERR_clear_error();
    return schema::Error{&kBadKey, ""};
  }
  return PublicKey(std::move(key), EVP_sha256());
}

Result<PublicKey> PublicKey::LoadEd25519(BytesView octets) {
  schema::OwnedKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets.data(), octets.size()));
  if (!key) return schema::Error{&kBadKey, schema::OpensslError()};
  return PublicKey(std::move(key), nullptr);
}

bool PublicKey::Verifies(BytesView bytes, BytesView signature) const {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, digest_, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                       bytes.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace ca::audit
