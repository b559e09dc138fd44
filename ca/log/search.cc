#include "ca/log/search.h"

#include <algorithm>

#include "ca/log/lookup.h"
#include "ca/log/store.h"

namespace ca {
namespace {

constexpr std::size_t kRowsMax = 1000;

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

class Builder {
 public:
  void And(std::string_view condition, sqlite::Value value) {
    text_.append(" AND ").append(condition);
    values_.push_back(std::move(value));
  }
  schema::Outcome Match(const std::string& column, const std::string& wanted) {
    if (wanted.empty()) return schema::Ok();
    const std::size_t star = wanted.find('*');
    if (star == std::string::npos) {
      And(column + "=?", wanted);
      return schema::Ok();
    }
    if (star + 1 != wanted.size()) {
      return schema::Error{&kBadRange, column + ": '*' may stand at the end only"};
    }
    const std::string prefix = wanted.substr(0, star);
    if (prefix.empty()) return schema::Ok();
    And(column + ">=?", prefix);
    And(column + "<?", After(prefix));
    return schema::Ok();
  }
  schema::Outcome MatchSerial(const std::string& wanted) {
    const std::string key = wanted.substr(0, std::min(wanted.find('*'), kSerialKeyDigits));
    if (key.size() == kSerialKeyDigits) {
      And("i.id IN (SELECT id FROM lookups WHERE key=?)", key);
    } else if (!key.empty()) {
      // A shorter text is the beginning of several; After it is text too, which other keys are not.
      text_.append(" AND i.id IN (SELECT id FROM lookups WHERE key>=? AND key<?)");
      values_.emplace_back(key);
      values_.emplace_back(After(key));
    }
    return Match("i.serial", wanted);
  }
  SearchSql Finish(std::size_t count_max) && {
    text_.append(" ORDER BY i.id DESC LIMIT ?");
    values_.emplace_back(
        static_cast<std::int64_t>(std::clamp<std::size_t>(count_max, 1, kRowsMax)));
    return {std::move(text_), std::move(values_)};
  }

 private:
  std::string text_ =
      "SELECT i.id, i.logged, i.serial, i.san, i.issuer, i.subject, i.request_id, i.not_before, "
      "i.not_after, c.certificate IS NOT NULL, (SELECT name FROM shard WHERE id = i.id >> 40) "
      "FROM issuance i LEFT JOIN certificate c USING(id) WHERE 1";
  std::vector<sqlite::Value> values_;
};

}  // namespace

schema::Result<SearchSql> MakeSearchSql(const Search& search, std::int64_t shard) {
  Builder builder;
  TRY(builder.Match("i.san", search.san));
  TRY(builder.Match("i.issuer", search.issuer));
  TRY(builder.Match("i.subject", search.subject));
  TRY(builder.MatchSerial(PlainSerial(search.serial)));
  TRY(builder.Match("i.request_id", search.request_id));
  // Times rise with ids: a range of times is a range of ids, found at the edges of an index.
  if (search.since) {
    builder.And("i.id >= (SELECT id FROM issuance WHERE logged >= ? ORDER BY logged, id LIMIT 1)",
                search.since->time_since_epoch().count());
  }
  if (search.until) {
    builder.And(
        "i.id <= (SELECT id FROM issuance WHERE logged <= ? ORDER BY logged DESC, id DESC LIMIT 1)",
        search.until->time_since_epoch().count());
  }
  // The end of a shard is no place to start from, which the plus says.
  builder.And(search.before ? "i.id < ?" : "+i.id < ?",
              RowId(shard, std::min(search.before.value_or(kIndexMax), kIndexMax)));
  return std::move(builder).Finish(search.count_max);
}

}  // namespace ca
