// Strict: one text for each value, so encoding what was decoded gives the text back. Lenient: takes
// all that strict takes, with the same value. Encoding: OpenSSL writes the same, and both decoders
// undo it.
#include <openssl/evp.h>

#include <cstdint>

#include "schema/base/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  const std::string_view text = schema::AsText(bytes);
  const auto lenient = schema::DecodeBase64Lenient(text);
  if (const auto strict = schema::DecodeBase64UrlStrict(text)) {
    MUST(schema::Base64Url(*strict) == text);
    MUST(lenient.has_value() && *lenient == *strict);
  } else {
    MUST(strict.error().Is(schema::kBadBase64));
  }
  if (lenient) {
    MUST(*schema::DecodeBase64UrlStrict(schema::Base64Url(*lenient)) == *lenient);
  } else {
    MUST(lenient.error().Is(schema::kBadBase64));
  }

  std::string want(4 * ((size + 2) / 3) + 1, '\0');
  want.resize(static_cast<std::size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(want.data()), data, static_cast<int>(size))));
  MUST(schema::Base64(bytes) == want);
  MUST(schema::Equal(*schema::DecodeBase64Lenient(want), bytes));
  MUST(schema::Equal(*schema::DecodeBase64UrlStrict(schema::Base64Url(bytes)), bytes));
  return 0;
}
