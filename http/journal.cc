#include "http/journal.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "schema/base/json.h"
#include "schema/base/time.h"

namespace http {
namespace {

spdlog::level::level_enum LevelOf(schema::Journal::Level level) {
  switch (level) {
    case schema::Journal::Level::kInfo:
      return spdlog::level::info;
    case schema::Journal::Level::kWarning:
      return spdlog::level::warn;
    case schema::Journal::Level::kError:
      return spdlog::level::err;
  }
  MUST(false);
}

void Append(std::string& line, std::string_view key, std::string_view value) {
  line += line.empty() ? '{' : ',';
  schema::AppendJsonText(key, line);
  line += ':';
  schema::AppendJsonText(value, line);
}

}  // namespace

OperatorLog::OperatorLog()
    : logger_(std::make_shared<spdlog::logger>("chancery",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%v");
  logger_->flush_on(spdlog::level::info);
}

OperatorLog::~OperatorLog() = default;

void OperatorLog::Write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line;
  line.reserve(256);
  Append(line, "time", schema::Rfc3339(schema::SystemClock().Now()));
  Append(line, "level", spdlog::level::to_string_view(LevelOf(level)).data());
  Append(line, "event", event);
  for (const Field& field : fields) Append(line, field.first, field.second);
  line += '}';
  logger_->log(LevelOf(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace http
