#include "ca/log/shipping.h"

#include <syslog.h>

#include <filesystem>
#include <fstream>

#include "ca/log/past.h"
#include "schema/base/file.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::ShipSettings;

const schema::ErrorKind kNotShipped{"not-shipped", schema::Fault::kBusy,
                                    "a checkpoint was not taken where it is shipped"};

namespace {

constexpr std::chrono::seconds kPause{
    1};  // before a place that did not take a record is asked again
constexpr std::size_t kRecordBytes = 64 * 1024;
constexpr std::size_t kTailBytes = 1024 * 1024;  // of a file, looked at for its newest record

std::optional<std::vector<std::string>> ParseRecord(std::string_view line) {
  if (line.empty() || line.size() > kRecordBytes) return std::nullopt;
  const auto json = schema::ParseJson(line, {kRecordBytes});
  if (!json || !json->is_object()) return std::nullopt;
  std::vector<std::string> notes;
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    const auto found = json->find(std::string(NameOf(log)));
    if (found == json->end()) continue;
    if (!found->is_string()) return std::nullopt;
    notes.push_back(found->get<std::string>());
  }
  if (notes.empty()) return std::nullopt;
  return notes;
}

Result<std::string> ReadTail(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  std::ifstream in(file, std::ios::binary);
  if (failed || !in) {
    return Error{&schema::kFileUnreadable, file.string() + ": " + failed.message()};
  }
  if (size > kTailBytes) in.seekg(-static_cast<std::streamoff>(kTailBytes), std::ios::end);
  std::string tail(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return Error{&schema::kFileUnreadable, file.string()};
  return tail;
}

// A crash may have left half a line; what follows it begins one of its own.
bool EndsWithinALine(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() <= 0) return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

}  // namespace

std::string ShippedRecord(std::string_view certificates, std::string_view events,
                          schema::TimeMs time) {
  Json record = {{"time", schema::Rfc3339(time)}};
  if (!certificates.empty()) record["certificates"] = certificates;
  if (!events.empty()) record["events"] = events;
  return record.dump() + "\n";
}

std::vector<std::string> NewestIn(std::string_view lines) {
  // What stands behind the last newline was cut.
  std::size_t end = lines.rfind('\n');
  while (end != std::string_view::npos) {
    const std::size_t before = end == 0 ? std::string_view::npos : lines.rfind('\n', end - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (auto notes = ParseRecord(lines.substr(begin, end - begin))) return *std::move(notes);
    end = before;
  }
  return {};
}

Result<std::vector<std::string>> NewestShipped(const ShipSettings& place, schema::Sender* sender) {
  std::string lines;
  switch (place.to) {
    case ShipSettings::To::kSyslog:
      return std::vector<std::string>();
    case ShipSettings::To::kFile: {
      std::error_code failed;
      if (!std::filesystem::exists(place.target, failed) && !failed) {
        return Error{&kNotOurs, place.target + " is not there yet"};
      }
      TRY(lines, ReadTail(place.target));
      break;
    }
    case ShipSettings::To::kUrl: {
      MUST(sender != nullptr);
      schema::SendRequest request;
      request.method = "GET";
      request.url = place.target;
      request.ca_file = place.ca.string();
      request.bytes_max = kTailBytes;
      TRY(schema::SendAnswer answer, sender->Send(request));
      if (answer.status != 200) {
        return Error{&kNotOurs, place.target + ": status " + std::to_string(answer.status)};
      }
      lines = std::move(answer.body);
      break;
    }
  }
  auto notes = NewestIn(lines);
  if (notes.empty()) return Error{&kNotOurs, place.target + " holds no record"};
  return notes;
}

Shipping::Shipping(ShippingParts parts) : parts_(std::move(parts)), taken_(parts_.places.size()) {
  for (std::size_t i = 0; i < parts_.places.size(); ++i) {
    states_.push_back({parts_.places[i].target, ""});
  }
  for (std::size_t i = 0; i < parts_.places.size(); ++i) {
    workers_.push_back(std::make_unique<Newest<Record>>(
        [this, i](const Record& record) {
          return Settle(i, record, Send(parts_.places[i], record.text));
        },
        kPause, true));
  }
}

Shipping::~Shipping() = default;

void Shipping::Ship(const std::string& record) {
  ++given_;
  for (const auto& worker : workers_) worker->Give({given_, record});
}

std::vector<ShipState> Shipping::Look() const {
  const std::lock_guard lock(mutex_);
  return states_;
}

Outcome Shipping::Send(const ShipSettings& place, const std::string& text) {
  switch (place.to) {
    case ShipSettings::To::kFile:
      return schema::AppendFile(place.target, (EndsWithinALine(place.target) ? "\n" : "") + text);
    case ShipSettings::To::kSyslog:
      // Nobody says whether it arrived.
      ::syslog(LOG_DAEMON | LOG_NOTICE, "checkpoint %.*s", static_cast<int>(text.size() - 1),
               text.c_str());
      return Ok();
    case ShipSettings::To::kUrl: {
      schema::SendRequest request;
      request.method = "POST";
      request.url = place.target;
      request.ca_file = place.ca.string();
      request.content_type = "application/json";
      request.body = text;
      TRY(const schema::SendAnswer answer, parts_.sender->Send(request));
      if (answer.status / 100 == 2) return Ok();
      return Error{&kNotShipped, place.target + ": status " + std::to_string(answer.status)};
    }
  }
  MUST(false);
}

// Whether it was taken.
bool Shipping::Settle(std::size_t place, const Record& record, const Outcome& outcome) {
  const std::string now = outcome ? "" : outcome.error().Describe();
  bool changed;
  {
    const std::lock_guard lock(mutex_);
    std::string& trouble = states_[place].trouble;
    changed = trouble.empty() != now.empty();
    trouble = now;
  }
  const std::uint64_t missed = record.number - taken_[place] - 1;
  if (outcome) taken_[place] = record.number;
  if (!changed) return static_cast<bool>(outcome);
  const std::string& to = parts_.places[place].target;
  if (now.empty()) {
    parts_.journal.Info("shipping-recovered", {{"to", to}, {"missed", std::to_string(missed)}});
    parts_.note({{"type", "shipping-recovered"}, {"to", to}, {"missed", missed}});
    return true;
  }
  parts_.journal.Warning("shipping-failed", {{"to", to}, {"reason", now}});
  parts_.note({{"type", "shipping-failed"}, {"to", to}, {"reason", now}});
  return false;
}

}  // namespace ca
