// A Search as SQL; each column searched has an index, and a prefix is a range of it.
//
// What only names, and thus may match any number of rows, is asked in parts, newest rows first, and
// the next only when those before found too few. The first part reads rows as they come and
// compares. The others read the indexes of names: for one name in the order of rows, the smaller
// index before the larger, and for a prefix all of both. So the first part covers what they do not
// have yet, and for a prefix some rows more: one that many rows match is found there, and one that
// few match has few rows in the indexes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"

namespace ca {

struct SearchSql {
  std::string text;
  std::vector<sqlite::Value> values;  // ?1, ?2, …, but the last: how many rows at most
};

// The newest row that its times and its page allow: one row with its id, or none.
SearchSql MakeNewestSql(const Search& search, std::int64_t shard);

// `shard`: of the certificates log, by its row; it and those before are searched. `newest`: as
// above. `first_new`: kFirstNewSql (lookup.h), or any id above all when there is none. kBadRange
// when a `*` stands anywhere but at the end.
schema::Result<std::vector<SearchSql>> MakeSearchSql(const Search& search, std::int64_t shard,
                                                     std::int64_t newest, std::int64_t first_new);

}  // namespace ca
