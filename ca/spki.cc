#include "ca/spki.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <array>

#include "ca/request.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

constexpr std::size_t kEd25519Size = 32;
constexpr std::uint8_t kUncompressed = 0x04;  // SEC 1 2.3.3

struct Curve {
  KeyType type;
  BytesView oid;
  const char* group;  // OpenSSL's name
  std::size_t field_size;
};
const Curve kCurves[] = {
    {KeyType::kP256, oid::kPrime256v1, "prime256v1", 32},
    {KeyType::kP384, oid::kSecp384r1, "secp384r1", 48},
    {KeyType::kP521, oid::kSecp521r1, "secp521r1", 66},
};

const Curve* FindCurve(KeyType type) {
  for (const Curve& curve : kCurves) {
    if (curve.type == type) return &curve;
  }
  return nullptr;
}

Error Malformed(std::string why) { return {&kKeyMalformed, std::move(why)}; }

schema::SpkiDer Encode(BytesView algorithm, const Curve* curve, bool null, BytesView key_bits) {
  der::Writer out;
  const std::size_t spki = out.Begin(der::kSequence);
  const std::size_t identifier = out.Begin(der::kSequence);
  out.Oid(algorithm);
  if (curve != nullptr) out.Oid(curve->oid);
  if (null) out.Null();
  out.End(identifier);
  out.BitString(key_bits);
  out.End(spki);
  return schema::SpkiDer(std::move(out).Take());
}

Result<RawKey> ReadEc(der::Reader parameters, BytesView bits) {
  TRY(const der::Element name, parameters.Any());
  if (name.tag != der::kOid) return Malformed("curve is not named");  // RFC 5480 2.1.1
  TRY(parameters.End());
  for (const Curve& curve : kCurves) {
    if (!schema::Equal(name.content, curve.oid)) continue;
    if (bits.size() != 1 + 2 * curve.field_size || bits[0] != kUncompressed) {
      return Malformed("point is not uncompressed or has the wrong length");
    }
    return RawKey{
        curve.type, Encode(oid::kEcPublicKey, &curve, false, bits), schema::ToBytes(bits), {}, {}};
  }
  return Malformed("curve " + der::OidText(name.content) + " is not one of P-256, P-384, P-521");
}

Result<RawKey> ReadRsaBits(BytesView bits) {
  der::Reader outer(bits);
  TRY(der::Reader sequence, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const BytesView modulus, sequence.UnsignedInteger());
  TRY(const BytesView exponent, sequence.UnsignedInteger());
  TRY(sequence.End());
  return RawKey{KeyType::kRsa, Encode(oid::kRsaEncryption, nullptr, true, bits),
                schema::ToBytes(bits), schema::ToBytes(modulus), schema::ToBytes(exponent)};
}

Result<RawKey> ReadKey(BytesView bytes) {
  der::Reader outer(bytes);
  TRY(der::Reader spki, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(der::Reader identifier, spki.Enter(der::kSequence));
  TRY(const der::Element algorithm, identifier.Expect(der::kOid));
  TRY(const BytesView bits, spki.BitString());
  TRY(spki.End());
  if (schema::Equal(algorithm.content, oid::kEcPublicKey)) return ReadEc(identifier, bits);
  if (schema::Equal(algorithm.content, oid::kRsaEncryption)) {
    TRY(const der::Element null, identifier.Expect(der::kNull));
    if (!null.content.empty()) return Malformed("NULL has content");
    TRY(identifier.End());
    return ReadRsaBits(bits);
  }
  if (schema::Equal(algorithm.content, oid::kEd25519)) {
    TRY(identifier.End());
    if (bits.size() != kEd25519Size) return Malformed("Ed25519 key is not 32 octets");
    return RawKey{KeyType::kEd25519,
                  Encode(oid::kEd25519, nullptr, false, bits),
                  schema::ToBytes(bits),
                  {},
                  {}};
  }
  return Malformed("key algorithm " + der::OidText(algorithm.content) + " is not supported");
}

// DER trouble is the caller's key being malformed; the reader's reason stays in the detail.
Result<RawKey> AsKeyError(Result<RawKey> key) {
  if (key || key.error().Is(kKeyMalformed)) return key;
  return Malformed(key.error().detail.empty() ? "not DER" : key.error().detail);
}

EVP_PKEY_CTX* KeyMaker(const char* algorithm) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr);
  MUST(context != nullptr);
  return context;
}

Result<schema::OwnedKey> FromParameters(EVP_PKEY_CTX* context, OSSL_PARAM* parameters) {
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    EVP_PKEY_free(key);
    return Malformed(schema::OpensslError());
  }
  return schema::OwnedKey(key);
}

Result<schema::OwnedKey> MakeEc(const RawKey& key, const Curve& curve) {
  const schema::OwnedKeyContext context(KeyMaker("EC"));
  // OpenSSL only reads both values; its parameter type has no const.
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(curve.group),
                                       0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                        const_cast<std::uint8_t*>(key.key_bits.data()),
                                        key.key_bits.size()),
      OSSL_PARAM_construct_end()};
  return FromParameters(context.get(), parameters);
}

// OpenSSL 3.0 makes an EC key in 40 µs and gives one that it has another point in 2 µs.
Result<EVP_PKEY*> LoadEc(const RawKey& key, const Curve& curve) {
  thread_local std::array<schema::OwnedKey, std::size(kCurves)> keys;
  schema::OwnedKey& own = keys[static_cast<std::size_t>(&curve - kCurves)];
  if (own == nullptr) {
    TRY(own, MakeEc(key, curve));
  } else if (EVP_PKEY_set1_encoded_public_key(own.get(), key.key_bits.data(),
                                              key.key_bits.size()) != 1) {
    return Malformed(schema::OpensslError());  // not a point of the curve; the old one stays
  }
  return own.get();
}

Result<schema::OwnedKey> LoadRsa(const RawKey& key) {
  thread_local const schema::OwnedKeyContext context(KeyMaker("RSA"));  // as dear as the key
  const schema::OwnedBignum n(
      BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr));
  const schema::OwnedBignum e(
      BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr));
  const schema::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  MUST(n != nullptr && e != nullptr && builder != nullptr);
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  MUST(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const schema::Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(
      OSSL_PARAM_BLD_to_param(builder.get()));
  MUST(parameters != nullptr);
  return FromParameters(context.get(), parameters.get());
}

}  // namespace

std::size_t FieldSize(KeyType type) {
  const Curve* curve = FindCurve(type);
  return curve == nullptr ? 0 : curve->field_size;
}

Result<RawKey> ReadSpki(BytesView bytes) { return AsKeyError(ReadKey(bytes)); }

Result<RawKey> ReadRsaPublicKey(BytesView bytes) { return AsKeyError(ReadRsaBits(bytes)); }

Result<EVP_PKEY*> LoadKey(const RawKey& key) {
  if (const Curve* curve = FindCurve(key.type)) return LoadEc(key, *curve);
  thread_local schema::OwnedKey own;
  if (key.type == KeyType::kRsa) {
    TRY(own, LoadRsa(key));
  } else {
    own.reset(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.key_bits.data(),
                                             key.key_bits.size()));
    if (own == nullptr) return Malformed(schema::OpensslError());
  }
  return own.get();
}

}  // namespace ca
