// A Search as SQL. Every column searched has an index; a prefix is a range of it.
#pragma once

#include <string>
#include <vector>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"

namespace ca {

struct SearchSql {
  std::string text;
  std::vector<sqlite::Value> values;  // ?1, ?2, …
};
// `shard`: of the certificates log, by its row; it and those before are searched. kBadRange when a
// `*` stands anywhere but at the end.
schema::Result<SearchSql> MakeSearchSql(const Search& search, std::int64_t shard);

}  // namespace ca
