#include "ca/log/names.h"

#include <cstddef>

namespace ca {

using schema::Result;

namespace {

constexpr std::size_t kKeptMax = 8192;  // about 2 MB of texts as CIs write them

}  // namespace

Result<std::unique_ptr<Names>> Names::Open(sqlite::Connection& connection) {
  std::unique_ptr<Names> names(new Names());
  TRY(names->find_, connection.Prepare("SELECT id FROM name WHERE value=?"));
  TRY(names->add_, connection.Prepare("INSERT INTO name(value) VALUES(?) RETURNING id"));
  return names;
}

Result<std::int64_t> Names::IdOf(const std::string& text) {
  if (const auto kept = ids_.find(text); kept != ids_.end()) return kept->second;
  TRY(bool row, find_->Start(text).Next());
  sqlite::Statement* statement = &*find_;
  if (!row) {
    statement = &*add_;
    TRY(row, add_->Start(text).Next());
    MUST(row);
  }
  const std::int64_t id = statement->Integer(0);
  TRY(statement->Run());
  if (ids_.size() == kKeptMax) ids_.clear();
  ids_.emplace(text, id);
  return id;
}

}  // namespace ca
