// The timestamp authority's routes (RFC 3161 3.4, and the JSON of Sigstore's timestamp-authority).
#pragma once

#include "http/router.h"
#include "http/signing.h"

namespace http {

extern const schema::ErrorKind kNoTimestampQuery;  // kCaller, sent as 415

// POST /api/v1/timestamp (201) and GET /api/v1/timestamp/certchain; nothing without `tsa`.
//
// A refusal of a DER request is a TimeStampResp too, beside the status code of its fault.
void AddTimestampRoutes(const Services& services, Router& router);

}  // namespace http
