// The trust documents of a configuration, without asking a running server.
#pragma once

#include <map>
#include <string>

#include "schema/base/result.h"

namespace http {

// Name under /trust/ and content. What the configuration, its chains and its store fail with.
schema::Result<std::map<std::string, std::string>> TrustDocuments(const std::string& config_file);

}  // namespace http
