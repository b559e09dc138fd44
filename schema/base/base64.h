// RFC 4648 base64, in the two ways the wire needs it.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace schema {

extern const ErrorKind kBadBase64;

std::string Base64(BytesView bytes);     // section 4, padded
std::string Base64Url(BytesView bytes);  // section 5, unpadded (RFC 7515 2)

// Section 5 without padding, and canonical: unused trailing bits are zero and no other character
// occurs, so that two texts never mean the same octets (RFC 7515 2).
Result<Bytes> DecodeBase64UrlStrict(std::string_view text);

// What proto3 JSON takes for `bytes`: standard or URL-safe alphabet, padded or not, CR and LF
// ignored.
Result<Bytes> DecodeBase64Lenient(std::string_view text);

}  // namespace schema
