// Runs a Search.
#pragma once

#include <cstdint>
#include <vector>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"

namespace ca {

// Newest first, at most 1,000. `shard`: of the certificates log, by its row; it and those before
// are searched. kBadRange when a `*` stands anywhere but at the end.
schema::Result<std::vector<IssuanceRow>> FindIssuances(sqlite::Connection& connection,
                                                       const Search& search, std::int64_t shard);

}  // namespace ca
