// Asks one witness for its cosignature (C2SP tlog-witness, the log's side).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "ca/log/past.h"
#include "schema/base/send.h"
#include "schema/log/merkle.h"
#include "schema/watcher_settings.h"

namespace ca {

// kBusy: no answer, or none that can be used
extern const schema::ErrorKind kWitnessAway;
// kUs: 400, 403 or 404: it does not know this log, its key or its request
extern const schema::ErrorKind kWitnessRefuses;
// kUs: it says that this tree does not continue the one it cosigned, and showed no proof
extern const schema::ErrorKind kWitnessContradicts;

// A signed checkpoint that is not published yet.
struct Candidate {
  LogName log;
  schema::VerifierKey key;  // of the log, Ed25519; its name is the origin
  std::uint64_t size;
  std::string note;
};

// For one thread.
class Cosigner {
 public:
  // `sender` outlives it.
  Cosigner(schema::WitnessSettings settings, schema::Sender& sender)
      : settings_(std::move(settings)), sender_(sender) {}

  // The signature line, verified. kWitnessAway, kWitnessRefuses, kWitnessContradicts; kRolledBack
  // when it has a checkpoint, signed by this log, that contradicts the tree. A few requests, each
  // within its timeout.
  schema::Result<std::string> Cosign(const Candidate& candidate,
                                     const schema::merkle::HashReader& read);
  // What it is known to have cosigned; 0: nothing, or not known in this run.
  std::uint64_t cosigned(LogName log) const { return cosigned_[Index(log)]; }

 private:
  static std::size_t Index(LogName log) { return log == LogName::kCertificates ? 0 : 1; }
  schema::Result<std::string> Accept(const Candidate& candidate, const std::string& body) const;
  // Looks for the proof of what it says.
  schema::Error Contradicted(const Candidate& candidate, const schema::merkle::HashReader& read,
                             const std::string& said);

  const schema::WitnessSettings settings_;
  schema::Sender& sender_;
  std::array<std::uint64_t, 2> cosigned_{};
};

}  // namespace ca
