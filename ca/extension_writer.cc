#include "ca/extension_writer.h"

#include "schema/base/openssl.h"

namespace ca {

std::array<std::uint8_t, 20> KeyIdOf(schema::BytesView key_bits) {
  static const schema::Owned<EVP_MD, EVP_MD_free> sha1(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  std::array<std::uint8_t, 20> out{};
  MUST(sha1 != nullptr);
  MUST(EVP_Digest(key_bits.data(), key_bits.size(), out.data(), nullptr, sha1.get(), nullptr) == 1);
  return out;
}

void WriteAuthorityKeyId(schema::der::Writer* out, schema::BytesView key_id) {
  const std::size_t identifier = out->Begin(schema::der::kSequence);
  out->Value(schema::der::ContextPrimitive(0), key_id);
  out->End(identifier);
}

}  // namespace ca
