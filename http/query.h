// Reading a query string (RFC 3986 3.4, application/x-www-form-urlencoded pairs).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace http {

extern const schema::ErrorKind kBadQuery;  // kCaller; the detail names the parameter

class Query {
 public:
  // Percent escapes and '+' decoded; a repeated name or a bad escape is kBadQuery.
  static schema::Result<Query> Parse(std::string_view text);

  // Empty when absent.
  std::string Text(std::string_view name) const;
  // kBadQuery when absent or not a decimal number below 2^63.
  schema::Result<std::uint64_t> Number(std::string_view name) const;
  bool Has(std::string_view name) const { return values_.contains(std::string(name)); }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace http
