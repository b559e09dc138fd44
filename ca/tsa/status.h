// TimeStampResp (RFC 3161 2.4.2): a token, or why there is none.
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

// PKIFailureInfo: the numbers of its bits.
enum class PkiFailure : std::uint8_t {
  kBadAlg = 0,
  kBadRequest = 2,
  kBadDataFormat = 5,
  kTimeUnavailable = 14,
  kUnacceptedPolicy = 15,
  kUnacceptedExtension = 16,
  kSystemFailure = 25,
};

// What an error is to the client; kSystemFailure for all that has no name of its own there.
PkiFailure PkiFailureOf(const schema::ErrorKind& kind);

// PKIStatus granted, with the token (ContentInfo in DER).
schema::Bytes GrantedResponse(schema::BytesView token);
// PKIStatus rejection, with the kind's text as statusString.
schema::Bytes RejectedResponse(const schema::ErrorKind& kind);

}  // namespace ca
