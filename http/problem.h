// An Error as a client sees it: the only place where a fault becomes a status code.
#pragma once

#include <string_view>

#include "http/message.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace http {

// {"code":<gRPC code>,"message":"<text> [<id>; request <request id>]","details":[]}, and
// Retry-After: 1 when the fault is kBusy. Never the error's detail.
Response Problem(const schema::Error& error, std::string_view request_id);

// The same with details: google.rpc.ErrorInfo (reason, rule family, rule, request id) and the whole
// trace as a google.protobuf.Struct, in the JSON form of Any. For clients of issuers with
// verbose-denials only.
//
//   trace  of ca/trace.h: may hold a stranger's text, which leaves here as JSON text in UTF-8
Response VerboseProblem(const schema::Error& error, std::string_view request_id,
                        const schema::Json& trace);
// The same of a token, for clients of such an issuer: an ErrorInfo with the step that refused it
// (oidc/steps.h), and nothing of the token.
Response VerboseTokenProblem(const schema::Error& error, std::string_view request_id,
                             std::string_view step);

}  // namespace http
