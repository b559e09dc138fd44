// The keys of a state directory, for commands that run beside the server or after it.
#pragma once

#include "ca/log/log.h"
#include "schema/config.h"

namespace ca {

// kBadState when the directory has no log yet, or its shard is not the configured one.
schema::Result<LogKeys> StoredLogKeys(const schema::Config& config);

}  // namespace ca
