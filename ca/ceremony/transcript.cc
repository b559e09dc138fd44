#include "ca/ceremony/transcript.h"

#include "ca/ceremony/entry.h"
#include "schema/base/file.h"

namespace ca::ceremony {

using schema::Error;
using schema::Hash;
using schema::Json;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kTranscriptBytes = 8 * 1024 * 1024;
constexpr std::size_t kLineBytes = 2 * 1024 * 1024;

Error At(std::size_t index, const Error& error) {
  return {&kBadTranscript, "entry " + std::to_string(index) + ": " + error.detail};
}

// The line's place in the chain, and what it says.
Outcome TakeLine(std::string_view line, std::size_t index, const Hash& previous, Record& record) {
  TRY(const Json entry, schema::ParseJson(line, {kLineBytes}));
  if (!entry.is_object()) return Broken("no JSON object");
  std::string canonical;
  schema::AppendJson(entry, canonical);
  if (canonical != line) return Broken("not in canonical form");
  if (!entry.contains("entry") || entry["entry"] != Json(index)) return Broken("its number");
  TRY(const std::string link, TextOf(entry, "previous"));
  if (link != schema::Hex(previous)) return Broken("does not follow the entry before");
  TRY(TimeOf(entry));
  return record.Take(entry, schema::Sha256(schema::AsBytes(line)));
}

struct Reading {
  Record record;
  std::size_t count = 0;
  Hash head{};
};

Result<Reading> ReadAll(std::string_view text) {
  if (text.size() > kTranscriptBytes) return Broken("larger than 8 MiB");
  Reading reading;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return At(reading.count, Broken("cut off"));
    const std::string_view line = text.substr(0, end);
    const Outcome taken = TakeLine(line, reading.count, reading.head, reading.record);
    if (!taken) return At(reading.count, taken.error());
    reading.head = schema::Sha256(schema::AsBytes(line));
    ++reading.count;
    text.remove_prefix(end + 1);
  }
  return reading;
}

}  // namespace

Result<Record> ReadTranscript(std::string_view text) {
  TRY(Reading reading, ReadAll(text));
  if (reading.count == 0) return Broken("it is empty");
  return std::move(reading.record);
}

Result<Transcript> Transcript::Open(std::filesystem::path file) {
  Transcript out(std::move(file));
  if (!std::filesystem::exists(out.file_)) return out;
  TRY(out.text_, schema::ReadFile(out.file_, kTranscriptBytes));
  TRY(Reading reading, ReadAll(out.text_));
  out.record_ = std::move(reading.record);
  out.count_ = reading.count;
  out.head_ = reading.head;
  return out;
}

Json Transcript::Draft(std::string_view type, Json members, schema::Time now) const {
  members["entry"] = count_;
  members["previous"] = schema::Hex(head_);
  members["time"] = schema::Rfc3339(now);
  members["type"] = type;
  return members;
}

Outcome Transcript::Append(std::string_view type, Json members, schema::Time now) {
  const Json entry = Draft(type, std::move(members), now);
  std::string line;
  schema::AppendJson(entry, line);
  const Hash digest = schema::Sha256(schema::AsBytes(line));
  TRY(record_.Take(entry, digest));
  TRY(schema::AppendFile(file_, line + "\n"));
  text_ += line + "\n";
  ++count_;
  head_ = digest;
  return schema::Ok();
}

}  // namespace ca::ceremony
