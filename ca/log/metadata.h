// log.v3.json: what a client has to know of the certificates log, as sunlight publishes it and in
// the terms of the log lists (https://www.gstatic.com/ct/log_list/v3/log_list_schema.json).
#pragma once

#include <string>

#include "ca/log/log.h"
#include "schema/config.h"

namespace ca {

std::string LogMetadata(const schema::Config& config, const LogKeys& keys);

}  // namespace ca
