// The file of a ceremony's transcript: JSON lines, each with the hash of the line before.
//
//   entry     0, 1, 2, …
//   previous  SHA-256 of the line before, without its newline; of the first one 64 zeros
//   time      of the machine, RFC 3339
//   type      record.h says which there are
//
// A line is its entry's canonical JSON: keys sorted, no white space. One octet changed, left out or
// put in breaks either the chain or a seal.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ca/ceremony/record.h"

namespace ca::ceremony {

// kBadTranscript: "entry N: RULE". Any text; nothing else is read.
schema::Result<Record> ReadTranscript(std::string_view text);

class Transcript {
 public:
  // An existing file is read and judged first; kBadTranscript, kFileUnreadable.
  static schema::Result<Transcript> Open(std::filesystem::path file);

  // Judges the entry, then writes it and waits for the disk. kFileUnreadable when it cannot;
  // nothing may be appended after an error.
  schema::Outcome Append(std::string_view type, schema::Json members, schema::Time now);
  // `members` as Append would write them: what a seal signs.
  schema::Json Draft(std::string_view type, schema::Json members, schema::Time now) const;

  const Record& record() const { return record_; }
  const std::string& text() const { return text_; }

 private:
  explicit Transcript(std::filesystem::path file) : file_(std::move(file)) {}

  std::filesystem::path file_;
  std::string text_;
  Record record_;
  std::size_t count_ = 0;
  schema::Hash head_{};
};

}  // namespace ca::ceremony
