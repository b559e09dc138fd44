// Property: a TimeStampReq that we take OpenSSL takes too, and finds the same imprint, nonce,
// policy and certReq in it; a JSON request is as good as the DER request it stands for; no request
// can be taken for the attributes that the signer signs.
#include <openssl/err.h>
#include <openssl/ts.h>

#include <cstdint>

#include "ca/tsa/request.h"
#include "hsm/guard_timestamp.h"
#include "schema/base/der.h"
#include "schema/base/openssl.h"

namespace {

namespace der = schema::der;

using OwnedTsRequest = schema::Owned<TS_REQ, TS_REQ_free>;

void CompareWithOpenssl(schema::BytesView bytes, const ca::TimestampRequest& ours) {
  const unsigned char* end = bytes.data();
  const OwnedTsRequest theirs(d2i_TS_REQ(nullptr, &end, static_cast<long>(bytes.size())));
  MUST(theirs != nullptr && end == bytes.data() + bytes.size());
  TS_MSG_IMPRINT* const imprint = TS_REQ_get_msg_imprint(theirs.get());
  const ASN1_OCTET_STRING* const digest = TS_MSG_IMPRINT_get_msg(imprint);
  MUST(schema::Equal(ours.digest, {digest->data, static_cast<std::size_t>(digest->length)}));
  MUST((TS_REQ_get_cert_req(theirs.get()) != 0) == ours.certificates);
  MUST((TS_REQ_get_policy_id(theirs.get()) != nullptr) == ours.policy.has_value());
  const ASN1_INTEGER* const nonce = TS_REQ_get_nonce(theirs.get());
  MUST((nonce != nullptr) == !ours.nonce.empty());
  if (nonce != nullptr) {
    unsigned char* again = nullptr;
    const int size = i2d_ASN1_INTEGER(nonce, &again);
    MUST(size > 0 && schema::Equal(ours.nonce, {again, static_cast<std::size_t>(size)}));
    OPENSSL_free(again);
  }
}

schema::Bytes AsDer(const ca::TimestampRequest& request) {
  der::Writer out;
  const std::size_t mark = out.Begin(der::kSequence);
  out.SmallInteger(1);
  out.Raw(request.imprint);
  out.Raw(request.nonce);
  if (request.certificates) out.Boolean(true);
  out.End(mark);
  return std::move(out).Take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  const auto request = ca::ParseTimestampRequest(bytes);
  if (request) {
    CompareWithOpenssl(bytes, *request);
    MUST(!hsm::CheckTimestampAttributes(bytes, schema::Hash{}));
  }
  if (const auto json = ca::ParseTimestampRequestJson(schema::AsText(bytes))) {
    MUST(!request);
    const auto again = ca::ParseTimestampRequest(AsDer(*json));
    MUST(again && again->digest == json->digest && again->nonce == json->nonce);
    MUST(again->algorithm == json->algorithm && again->certificates == json->certificates);
  }
  if (hsm::CheckTimestampAttributes(bytes, schema::Hash{})) {
    MUST(!request && !bytes.empty() && bytes.front() == der::kSet);
  }
  ERR_clear_error();
  return 0;
}
