// What is read as PEM is not empty and has one reading: written again by us it parses to the same
// blocks, and OpenSSL, which is laxer, finds the same octets in it.
#include <openssl/bio.h>
#include <openssl/pem.h>

#include <cstdint>
#include <string_view>

#include "ca/pem.h"
#include "schema/base/openssl.h"

namespace {

constexpr std::size_t kBlocksMax = 8;

void CheckOpenssl(std::string_view label, schema::BytesView der, const std::string& text) {
  const schema::OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  char *name = nullptr, *header = nullptr;
  unsigned char* octets = nullptr;
  long size = 0;
  MUST(PEM_read_bio(bio.get(), &name, &header, &octets, &size) == 1);
  MUST(label == name);
  MUST(schema::Equal(der, {octets, static_cast<std::size_t>(size)}));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(octets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto blocks = ca::ParsePem(text, kBlocksMax);
  if (!blocks) {
    MUST(blocks.error().Is(ca::kBadPem) && !blocks.error().detail.empty());
    return 0;
  }
  MUST(ca::LooksLikePem(text));
  MUST(!blocks->empty() && blocks->size() <= kBlocksMax);
  for (const ca::PemBlock& block : *blocks) {
    MUST(!block.der.empty() && block.der.size() < size);
    const std::string again = ca::Pem(block.label, block.der);
    const auto reread = ca::ParsePem(again, 1);
    MUST(reread && reread->size() == 1);
    MUST((*reread)[0].label == block.label && schema::Equal((*reread)[0].der, block.der));
    // OpenSSL's labels are C strings without line ends.
    if (block.label.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos &&
        !block.label.empty() && !block.label.ends_with(' ')) {
      CheckOpenssl(block.label, block.der, again + "\n");
    }
  }
  return 0;
}
