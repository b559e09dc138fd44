// An Error as a client sees it: the only place where a fault becomes a status code.
#pragma once

#include <string_view>

#include "http/message.h"
#include "schema/base/result.h"

namespace http {

// {"code":<gRPC code>,"message":"<text> [<id>; request <request id>]","details":[]}, and
// Retry-After: 1 when the fault is kBusy. Never the error's detail.
Response Problem(const schema::Error& error, std::string_view request_id);

}  // namespace http
