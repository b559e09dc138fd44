#include "ca/log/search.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "ca/log/lookup.h"
#include "ca/log/rows.h"
#include "ca/log/search_sql.h"
#include "ca/log/store.h"

namespace ca {

using schema::Result;

namespace {

constexpr std::size_t kRowsMax = 1000;

// `sql` outlives the statement, which its values are not copied to.
Result<sqlite::Statement> Ask(sqlite::Connection& connection, SearchSql& sql,
                              std::size_t count_max) {
  TRY(sqlite::Statement statement, connection.Prepare(sql.text));
  sql.values.emplace_back(static_cast<std::int64_t>(count_max));
  statement.StartWith(sql.values);
  return statement;
}

Result<std::optional<std::int64_t>> FirstId(sqlite::Statement& statement) {
  TRY(const bool row, statement.Next());
  return row ? std::optional(statement.Integer(0)) : std::nullopt;
}

IssuanceRow Row(const sqlite::Statement& found) {
  return {IndexOf(found.Integer(0)),  FromMs(found.Integer(1)),      std::string(found.Text(2)),
          std::string(found.Text(3)), std::string(found.Text(4)),    std::string(found.Text(5)),
          std::string(found.Text(6)), FromSeconds(found.Integer(7)), FromSeconds(found.Integer(8)),
          found.Integer(9) != 0,      std::string(found.Text(10))};
}

Result<std::vector<IssuanceRow>> Find(sqlite::Connection& connection, const Search& search,
                                      std::int64_t shard) {
  TRY(sqlite::Statement first, connection.Prepare(kFirstNewSql));
  TRY(const auto first_new, FirstId(first));
  first.Stop();
  SearchSql newest_sql = MakeNewestSql(search, shard);
  TRY(sqlite::Statement last, Ask(connection, newest_sql, 1));
  TRY(const auto newest, FirstId(last));
  last.Stop();
  TRY(std::vector<SearchSql> parts,
      MakeSearchSql(search, shard, newest.value_or(0),
                    first_new.value_or(std::numeric_limits<std::int64_t>::max())));
  const std::size_t count_max = std::clamp<std::size_t>(search.count_max, 1, kRowsMax);
  std::vector<IssuanceRow> rows;
  for (SearchSql& part : parts) {
    if (rows.size() == count_max) break;
    TRY(sqlite::Statement find, Ask(connection, part, count_max - rows.size()));
    while (true) {
      TRY(const bool row, find.Next());
      if (!row) break;
      rows.push_back(Row(find));
    }
  }
  return rows;
}

}  // namespace

Result<std::vector<IssuanceRow>> FindIssuances(sqlite::Connection& connection, const Search& search,
                                               std::int64_t shard) {
  // One snapshot: between its parts rows move from one index to another.
  TRY(connection.Execute("BEGIN"));
  auto rows = Find(connection, search, shard);
  const auto ended = connection.Execute("COMMIT");
  if (rows && !ended) return ended.error();
  return rows;
}

}  // namespace ca
