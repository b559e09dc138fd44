#include "ca/log/search_sql.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "ca/log/lookup.h"
#include "ca/log/store.h"

namespace ca {

using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

// What a prefix is compared with before the indexes are asked: tens of milliseconds.
constexpr std::int64_t kComparedRows = 50'000;

// Whether its certificate is stored follows from what is settled and what never was finished: its
// row would be another page at a random place for each that is found.
constexpr std::string_view kColumns =
    "SELECT i.id, i.logged, i.serial, (SELECT value FROM name WHERE id = i.san), "
    "(SELECT value FROM name WHERE id = i.issuer), (SELECT value FROM name WHERE id = i.subject), "
    "i.request_id, i.not_before, i.not_after, "
    "CASE WHEN (i.id & 1099511627775) < (SELECT settled FROM tail WHERE shard = i.id >> 40) "
    "AND NOT EXISTS(SELECT 1 FROM unfinished WHERE id = i.id) THEN 1 "
    "ELSE EXISTS(SELECT 1 FROM certificate WHERE id = i.id AND certificate IS NOT NULL) END, "
    "(SELECT name FROM shard WHERE id = i.id >> 40) ";
static_assert(kIndexMax == 1'099'511'627'775);
constexpr std::string_view kRows = "FROM issuance i";
constexpr std::string_view kMiddleRows = "FROM named_middle n CROSS JOIN issuance i ON i.id = n.id";
constexpr std::string_view kNamedRows = "FROM named n CROSS JOIN issuance i ON i.id = n.id";

// Serials are written by people: upper case, colons, a leading 0x.
std::string PlainSerial(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == ' ') continue;
    out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// The least text after every text with this prefix. SQLite compares as memcmp does, and UTF-8 has
// no octet 0xff, so adding one to the last octet is enough.
std::string After(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// What a column shall be: a text, or one that begins with it.
struct Wanted {
  std::string text;
  bool prefix;
};

// None when anything will do.
Result<std::optional<Wanted>> Parse(std::string_view column, const std::string& wanted) {
  if (wanted.empty() || wanted == "*") return std::optional<Wanted>();
  const std::size_t star = wanted.find('*');
  if (star == std::string::npos) return std::optional(Wanted{wanted, false});
  if (star + 1 != wanted.size()) {
    return Error{&kBadRange, std::string(column) + ": '*' may stand at the end only"};
  }
  return std::optional(Wanted{wanted.substr(0, star), true});
}

class Clauses {
 public:
  Clauses(std::string_view columns, std::string_view rows) {
    text_.append(columns).append(rows).append(" WHERE 1");
  }

  template <class... Values>
  void And(std::string_view condition, Values... values) {
    text_.append(" AND ").append(condition);
    (values_.emplace_back(std::move(values)), ...);
  }
  void Match(const std::string& column, const Wanted& wanted) {
    if (wanted.prefix) {
      And(column + ">=?", wanted.text);
      And(column + "<?", After(wanted.text));
    } else {
      And(column + "=?", wanted.text);
    }
  }
  void MatchName(const std::string& column, const Wanted& wanted) {
    if (wanted.prefix) {
      And(column + " IN (SELECT id FROM name WHERE value>=? AND value<?)", wanted.text,
          After(wanted.text));
    } else {
      And(column + "=(SELECT id FROM name WHERE value=?)", wanted.text);
    }
  }
  void MatchSerial(const Wanted& wanted) {
    const std::string key = wanted.text.substr(0, kSerialKeyDigits);
    if (key.size() == kSerialKeyDigits) {
      And("i.id IN (SELECT id FROM lookups WHERE key=?)", key);
    } else {
      // A shorter text is the beginning of several; After it is text too, which other keys are not.
      And("i.id IN (SELECT id FROM lookups WHERE key>=? AND key<?)", key, After(key));
    }
    Match("i.serial", wanted);
  }
  // Times rise with ids: a range of times is a range of ids, found at the edges of an index.
  void MatchTimes(const std::string& id, const Search& search) {
    if (search.since) {
      And(id + " >= (SELECT id FROM issuance WHERE logged >= ? ORDER BY logged, id LIMIT 1)",
          search.since->time_since_epoch().count());
    }
    if (search.until) {
      And(id + " <= (SELECT id FROM issuance WHERE logged <= ? ORDER BY logged DESC, id DESC "
               "LIMIT 1)",
          search.until->time_since_epoch().count());
    }
  }
  SearchSql NewestFirst(const std::string& id) && {
    text_.append(" ORDER BY " + id + " DESC LIMIT ?");
    return {std::move(text_), std::move(values_)};
  }

 private:
  std::string text_;
  std::vector<sqlite::Value> values_;
};

std::int64_t PageEnd(const Search& search, std::int64_t shard) {
  return RowId(shard, std::min(search.before.value_or(kIndexMax), kIndexMax));
}

// The first has the fewest certificates as a rule.
struct Name {
  const char* column;
  const std::string Search::*wanted;
};
constexpr std::array<Name, 3> kNames = {
    {{"i.san", &Search::san}, {"i.subject", &Search::subject}, {"i.issuer", &Search::issuer}}};

class Maker {
 public:
  Maker(const Search& search, std::int64_t shard) : search_(search), end_(PageEnd(search, shard)) {}

  Outcome Parse() {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      TRY(names_.at(i), ca::Parse(kNames.at(i).column, search_.*kNames.at(i).wanted));
    }
    TRY(serial_, ca::Parse("i.serial", PlainSerial(search_.serial)));
    TRY(request_id_, ca::Parse("i.request_id", search_.request_id));
    return schema::Ok();
  }

  std::vector<SearchSql> Make(std::int64_t newest, std::int64_t first_new) const {
    const Wanted* by = Driver();
    if (by == nullptr) return {Whole()};
    const std::int64_t edge = by->prefix ? std::min(first_new, newest - kComparedRows) : first_new;
    if (by->prefix) return {Compared(edge), Prefixed(*by, edge)};
    return {Compared(edge), Indexed(kMiddleRows, *by, edge), Indexed(kNamedRows, *by, edge)};
  }

 private:
  // The name whose rows are read from an index: an exact one if there is any. None when there is no
  // name, or something better to begin with.
  const Wanted* Driver() const {
    if (serial_ || request_id_) return nullptr;
    const Wanted* by = nullptr;
    for (const auto& wanted : names_) {
      if (wanted && (by == nullptr || (by->prefix && !wanted->prefix))) by = &*wanted;
    }
    return by;
  }
  void MatchAll(const std::string& id, Clauses& clauses) const {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (names_.at(i)) clauses.MatchName(kNames.at(i).column, *names_.at(i));
    }
    if (serial_) clauses.MatchSerial(*serial_);
    if (request_id_) clauses.Match("i.request_id", *request_id_);
    clauses.MatchTimes(id, search_);
  }
  SearchSql Whole() const {
    Clauses clauses(kColumns, kRows);
    MatchAll("i.id", clauses);
    // The end of a shard is no place to start from, which the plus says.
    clauses.And(search_.before ? "i.id < ?" : "+i.id < ?", end_);
    return std::move(clauses).NewestFirst("i.id");
  }
  SearchSql Compared(std::int64_t edge) const {
    Clauses clauses(kColumns, kRows);
    MatchAll("i.id", clauses);
    clauses.And("i.id >= ?", edge);
    clauses.And("i.id < ?", end_);
    return std::move(clauses).NewestFirst("i.id");
  }
  SearchSql Indexed(std::string_view rows, const Wanted& by, std::int64_t edge) const {
    Clauses clauses(kColumns, rows);
    clauses.MatchName("n.name", by);
    MatchAll("n.id", clauses);
    clauses.And("n.id < ?", std::min(edge, end_));
    return std::move(clauses).NewestFirst("n.id");
  }
  SearchSql Prefixed(const Wanted& by, std::int64_t edge) const {
    Clauses clauses(kColumns, kRows);
    clauses.And(
        "i.id IN (WITH n AS (SELECT id FROM name WHERE value>=? AND value<?) "
        "SELECT id FROM named_middle WHERE name IN n UNION ALL "
        "SELECT id FROM named WHERE name IN n)",
        by.text, After(by.text));
    MatchAll("i.id", clauses);
    clauses.And("+i.id < ?", std::min(edge, end_));
    return std::move(clauses).NewestFirst("i.id");
  }

  const Search& search_;
  const std::int64_t end_;  // the first row that is none of the page
  std::array<std::optional<Wanted>, kNames.size()> names_;
  std::optional<Wanted> serial_, request_id_;
};

}  // namespace

SearchSql MakeNewestSql(const Search& search, std::int64_t shard) {
  Clauses clauses("SELECT i.id ", "FROM issuance i");
  clauses.MatchTimes("i.id", search);
  clauses.And("i.id < ?", PageEnd(search, shard));
  return std::move(clauses).NewestFirst("i.id");
}

Result<std::vector<SearchSql>> MakeSearchSql(const Search& search, std::int64_t shard,
                                             std::int64_t newest, std::int64_t first_new) {
  Maker maker(search, shard);
  TRY(maker.Parse());
  return maker.Make(newest, first_new);
}

}  // namespace ca
