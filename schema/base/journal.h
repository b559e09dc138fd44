// The operator's log as an interface, so that the inner folders can say something without knowing
// spdlog.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace schema {

class Journal {
 public:
  enum class Level { kInfo, kWarning, kError };
  using Field = std::pair<std::string_view, std::string>;

  virtual ~Journal() = default;
  // `event` is a stable kebab-case name. Fields never hold a token, a PIN or a private key.
  // Thread-safe.
  virtual void Write(Level level, std::string_view event, std::initializer_list<Field> fields) = 0;

  void Info(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kInfo, event, fields);
  }
  void Warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kWarning, event, fields);
  }
  void Error(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kError, event, fields);
  }
};

}  // namespace schema
