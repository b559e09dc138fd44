// All witnesses of the logs: each new checkpoint goes to them before it is published.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ca/log/cosigning.h"
#include "ca/log/newest.h"
#include "ca/log/sqlite.h"
#include "ca/log/watch_state.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"

namespace ca {

struct WitnessesParts {
  std::vector<schema::WitnessSettings> witnesses;
  std::size_t quorum;
  schema::Sender& sender;
  std::filesystem::path database;  // for proofs, of these
  ShardIds shards;
  std::function<void(schema::Json)> note;  // enters an event, on any thread
  schema::Journal& journal;
};

// What came of a round.
struct Cosigned {
  struct Lines {
    std::string text;       // signature lines, one for each witness that cosigned
    std::size_t count = 0;  // of them
  };
  std::vector<Lines> candidates;  // in the order asked
  // kRolledBack before kWitnessContradicts, which is only said.
  std::optional<schema::Error> contradiction;
};

// One thread for each witness, so that one that hangs delays no other. Events, once for each change
// of one witness with one log:
//   witness-lost         witness, log, reason         no usable answer
//   witness-refuses      witness, log, reason         it does not take this log: its configuration
//   witness-contradicts  witness, log, reason         it has seen another tree: an alarm
//   witness-recovered    witness, log
class Witnesses {
 public:
  static schema::Result<std::unique_ptr<Witnesses>> Start(WitnessesParts parts);
  ~Witnesses();  // waits for requests under way

  // Until each has answered; or the quorum is there for all candidates and the rest had a moment to
  // join in; or kTimeout is over. By one thread.
  Cosigned Collect(std::vector<Candidate> candidates);
  std::vector<WitnessState> Look() const;
  std::size_t quorum() const { return parts_.quorum; }

  static constexpr std::chrono::seconds kTimeout{5};

 private:
  struct Round;
  using RoundPtr = std::shared_ptr<Round>;
  struct Member;

  explicit Witnesses(WitnessesParts parts);
  void Ask(std::size_t number, const RoundPtr& round);
  void Settle(std::size_t number, const Candidate& candidate,
              const schema::Result<std::string>& line);

  const WitnessesParts parts_;
  mutable std::mutex mutex_;
  std::vector<WitnessState> states_;                             // guarded by mutex_
  std::vector<std::array<const schema::ErrorKind*, 2>> faults_;  // guarded by mutex_; null: none
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace ca
