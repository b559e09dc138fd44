// Numbers of the texts that certificates name: SAN, issuer and subject of the token.
//
// A text is stored once, as there are far fewer of them than certificates
// (schema/sql/migrations.cc, `name`).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "ca/log/sqlite.h"
#include "schema/base/result.h"

namespace ca {

// The writer's side, for one thread at a time; `connection` outlives it.
class Names {
 public:
  static schema::Result<std::unique_ptr<Names>> Open(sqlite::Connection& connection);

  // In a transaction: a new text is stored.
  schema::Result<std::int64_t> IdOf(const std::string& text);
  // After a transaction that was rolled back, with what it stored.
  void Clear() { ids_.clear(); }

 private:
  Names() = default;

  std::optional<sqlite::Statement> find_, add_;
  std::unordered_map<std::string, std::int64_t> ids_;  // some of them
};

}  // namespace ca
