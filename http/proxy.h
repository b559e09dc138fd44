// Whose request it is when a proxy stands in front.
#pragma once

#include <string>
#include <vector>

#include "http/message.h"
#include "schema/config.h"

namespace http {

// The one X-Forwarded-For value of a peer in `trusted`; else the peer. A list, a repeated header or
// a value that is no IP literal is believed from nobody.
std::string ClientAddress(const Request& request, const std::vector<schema::Network>& trusted);

}  // namespace http
