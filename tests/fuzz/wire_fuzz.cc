// Property: a request that is read gives a token, key, proof and CSR no larger than the body, never
// key and CSR together in v2, and reading it twice gives the same.
#include "http/wire.h"

#include <cstddef>
#include <cstdint>

#include "schema/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = schema::AsText({data, size});
  if (const auto request = http::ParseSigningRequestV2(body)) {
    MUST(request->token.size() <= size && request->key.public_key.size() <= size);
    MUST(request->key.csr.empty() ||
         (request->key.public_key.empty() && request->key.proof.empty()));
    const auto again = http::ParseSigningRequestV2(body);
    MUST(again && again->token == request->token && again->key.proof == request->key.proof);
  }
  if (const auto request = http::ParseSigningRequestV1(body)) {
    MUST(request->token.empty());
    MUST(request->key.public_key.size() <= size && request->key.csr.size() <= size);
  }
  return 0;
}
