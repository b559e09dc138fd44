// log.v3.json: what a client has to know of the certificates log, as sunlight publishes it and in
// the terms of the log lists (https://www.gstatic.com/ct/log_list/v3/log_list_schema.json).
#pragma once

#include <string>

#include "schema/base/bytes.h"

namespace ca {

// Of one shard; `public_url`: schema::Config's.
std::string LogMetadata(const std::string& public_url, const std::string& shard,
                        const std::string& origin, const schema::SpkiDer& log_key);

}  // namespace ca
