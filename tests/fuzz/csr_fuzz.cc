// Where OpenSSL reads a CSR too it finds the same key, and a CSR whose proof we take verifies
// there.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstdint>

#include "ca/csr.h"
#include "ca/pem.h"
#include "ca/request.h"

namespace {

using OwnedRequest = schema::Owned<X509_REQ, X509_REQ_free>;

OwnedRequest Theirs(schema::BytesView der) {
  const std::uint8_t* at = der.data();
  OwnedRequest request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request != nullptr) MUST(at == der.data() + der.size());
  return request;
}

schema::Bytes SpkiOf(X509_REQ* request) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
  MUST(size > 0);
  schema::Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  const auto csr = ca::ReadCsr(bytes);
  const auto key = ca::CheckRequest({"", {}, ca::Pem("CERTIFICATE REQUEST", bytes)}, "subject");
  if (!csr) {
    MUST(!key);
    return 0;
  }
  // The signature is over octets of the request itself.
  MUST(csr->signed_bytes.data() >= data &&
       csr->signed_bytes.data() + csr->signed_bytes.size() <= data + size);
  // OpenSSL knows fewer string types in names, so it may refuse what we pass over.
  if (const OwnedRequest theirs = Theirs(bytes)) {
    MUST(SpkiOf(theirs.get()) == csr->key.spki.bytes());
    if (key) MUST(X509_REQ_verify(theirs.get(), X509_REQ_get0_pubkey(theirs.get())) == 1);
  }
  ERR_clear_error();
  if (key) MUST(key->spki() == csr->key.spki);
  return 0;
}
