// The operator's log: one JSON object a line on standard error.
#pragma once

#include <memory>

#include "schema/base/journal.h"

namespace spdlog {
class logger;
}

namespace http {

// Keys of every line: "time" (RFC 3339, milliseconds), "level", "event", then the fields, all
// strings. Bytes that are not UTF-8 are replaced. Thread-safe.
class OperatorLog final : public schema::Journal {
 public:
  OperatorLog();
  ~OperatorLog() override;
  void Write(Level level, std::string_view event, std::initializer_list<Field> fields) override;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace http
