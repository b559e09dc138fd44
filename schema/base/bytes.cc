#include "schema/base/bytes.h"

#include <openssl/evp.h>

#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace schema {
namespace {

// A fetch takes a lock and a search through the providers: once per process (OpenSSL 3.0 costs
// microseconds for it, more than the digest of a leaf).
const EVP_MD* FetchedSha256() {
  static const EVP_MD* const kMethod = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  MUST(kMethod != nullptr);
  return kMethod;
}

}  // namespace

std::string Hex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 0x0f]);
  }
  return out;
}

Hash Sha256(BytesView bytes) {
  thread_local const OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(context != nullptr);
  Hash out;
  unsigned int size = 0;
  MUST(EVP_DigestInit_ex2(context.get(), FetchedSha256(), nullptr) == 1);
  MUST(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
  MUST(EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1 && size == out.size());
  return out;
}

std::string TextDigest(std::string_view text) { return Hex(Sha256(AsBytes(text))); }

}  // namespace schema
