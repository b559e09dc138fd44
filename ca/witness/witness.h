// A witness of tlog-witness: remembers the newest checkpoint of each log it knows and cosigns what
// continues it, so that nobody who holds a log's key can take back or rewrite what it showed.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/log/state.h"
#include "hsm/key.h"
#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/verifier_key.h"
#include "schema/log/witness.h"

namespace ca {

extern const schema::ErrorKind kBadWitnessState;  // kUs: what it remembered cannot be believed

struct WitnessParts {
  std::string name;             // of its verifier key
  std::filesystem::path state;  // made when absent; one process at a time
  // A log is known by its origin, which is its keys' name; it may have several keys.
  std::vector<schema::VerifierKey> logs;
  std::unique_ptr<hsm::SigningKey> key;  // Ed25519
  const schema::Clock& clock;
  schema::Journal& journal;
};

class Witness {
 public:
  // Reads what it remembers, and refuses to start when that is damaged or not its own.
  static schema::Result<std::unique_ptr<Witness>> Open(WitnessParts parts);

  enum class Verdict {
    kCosigned,      // body: the cosignature, one signature line
    kMalformed,     // no such request, or its old size is above the checkpoint's
    kUntrusted,     // no signature of a key of that log
    kUnknownLog,    // an origin that it was not told of
    kStale,         // body: the size it cosigned last, a line; the old size was another
    kInconsistent,  // the proof does not lead from what it cosigned to this
    kUnavailable,   // it could not be remembered, so it was not cosigned
  };
  struct Answer {
    Verdict verdict;
    std::string body;  // else the reason, a line
  };
  // Thread-safe; requests of one log are judged one after the other. A cosignature is given out
  // only when what it covers is on disk.
  Answer AddCheckpoint(std::string_view request);

  // The newest checkpoint it cosigned of the log with this OriginPath, with the signature of the
  // log and its own. Thread-safe.
  std::optional<std::string> Latest(std::string_view origin_path) const;

  const schema::VerifierKey& key() const { return own_; }

 private:
  struct Log {
    std::vector<schema::VerifierKey> keys;
    std::filesystem::path file;
    mutable std::mutex mutex;  // guards what follows, and the file
    schema::CheckpointBody latest;
    std::string note;  // empty: none yet
  };

  Witness(WitnessParts parts, StateLock lock);
  schema::Outcome Recall(Log& log);
  Answer Judge(Log& log, const schema::AddCheckpoint& request);
  Answer Cosign(Log& log, const schema::AddCheckpoint& request, schema::Note::Line signature);
  void ReportFork(const Log& log, const schema::AddCheckpoint& request, const std::string& reason);

  const WitnessParts parts_;
  const StateLock lock_;
  const schema::VerifierKey own_;
  std::map<std::string, Log, std::less<>> logs_;  // by OriginPath
  std::mutex signing_;                            // the key is one thread's at a time
};

}  // namespace ca
