#include "ca/proof.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "ca/request.h"
#include "schema/base/der.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
namespace der = schema::der;

namespace {

using OwnedDigest = schema::Owned<EVP_MD, EVP_MD_free>;

OwnedDigest Fetch(const char* name) {
  OwnedDigest digest(EVP_MD_fetch(nullptr, name, nullptr));
  MUST(digest != nullptr);
  return digest;
}

// Fetched once: a fetch by name for each use costs more than hashing a short message.
const EVP_MD* Fetched(Digest digest) {
  static const OwnedDigest sha256 = Fetch("SHA256");
  static const OwnedDigest sha384 = Fetch("SHA384");
  static const OwnedDigest sha512 = Fetch("SHA512");
  switch (digest) {
    case Digest::kSha256:
      return sha256.get();
    case Digest::kSha384:
      return sha384.get();
    case Digest::kSha512:
      return sha512.get();
    case Digest::kNone:
      break;
  }
  return nullptr;
}

Error Wrong(const char* why) {
  ERR_clear_error();
  return {&kProofWrong, why};
}

bool IsZero(BytesView magnitude) {
  return std::ranges::all_of(magnitude, [](std::uint8_t octet) { return octet == 0; });
}

// RFC 3279 2.2.3, both positive.
bool IsEcdsaDer(BytesView signature) {
  der::Reader outer(signature);
  auto sequence = outer.Enter(der::kSequence);
  if (!sequence || !outer.AtEnd()) return false;
  const auto r = sequence->UnsignedInteger();
  if (!r || IsZero(*r)) return false;
  const auto s = sequence->UnsignedInteger();
  return s && !IsZero(*s) && sequence->AtEnd();
}

schema::Outcome VerifyEd25519(EVP_PKEY* key, BytesView message, BytesView signature) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key, nullptr) !=
          1 ||
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) != 1) {
    return Wrong("Ed25519 signature does not verify");
  }
  return schema::Ok();
}

}  // namespace

Digest DigestFor(KeyType type) {
  switch (type) {
    case KeyType::kP256:
    case KeyType::kRsa:
      return Digest::kSha256;
    case KeyType::kP384:
      return Digest::kSha384;
    case KeyType::kP521:
      return Digest::kSha512;
    case KeyType::kEd25519:
      return Digest::kNone;
  }
  return Digest::kNone;
}

Bytes EcdsaDer(BytesView signature, std::size_t field_size) {
  if (IsEcdsaDer(signature)) return schema::ToBytes(signature);
  if (signature.size() != 2 * field_size) return {};
  const BytesView r = signature.first(field_size), s = signature.last(field_size);
  if (IsZero(r) || IsZero(s)) return {};
  der::Writer out;
  const std::size_t sequence = out.Begin(der::kSequence);
  out.UnsignedInteger(r);
  out.UnsignedInteger(s);
  out.End(sequence);
  return std::move(out).Take();
}

schema::Outcome VerifyProof(EVP_PKEY* key, KeyType type, BytesView message, BytesView signature) {
  if (type == KeyType::kEd25519) return VerifyEd25519(key, message, signature);

  const EVP_MD* digest = Fetched(DigestFor(type));
  std::uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned hash_size = 0;
  MUST(EVP_Digest(message.data(), message.size(), hash, &hash_size, digest, nullptr) == 1);

  // That of a thread's EC key stays: LoadKey puts one point after the other into the same key, and
  // OpenSSL 3.0 takes 4 µs to find again what verifies with it.
  thread_local schema::OwnedKeyContext context;
  const bool kept =
      type != KeyType::kRsa && context != nullptr && EVP_PKEY_CTX_get0_pkey(context.get()) == key;
  if (!kept) {
    context.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (context == nullptr || EVP_PKEY_verify_init(context.get()) != 1) {
      context.reset();
      return Wrong("key cannot verify");
    }
  }
  Bytes converted;
  if (type == KeyType::kRsa) {
    if (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), digest) != 1) {
      return Wrong("key cannot verify PKCS#1 v1.5");
    }
  } else {
    converted = EcdsaDer(signature, FieldSize(type));
    if (converted.empty()) return Wrong("signature is neither DER nor fixed-length r, s");
    signature = converted;
  }
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash, hash_size) != 1) {
    return Wrong("signature does not verify");
  }
  return schema::Ok();
}

}  // namespace ca
