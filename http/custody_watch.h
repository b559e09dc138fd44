// Enters in the events log when the signers of a role, or of one token, are gone and when they are
// back, one event for each change, however many requests meet it; what operators say of tokens;
// signatures that nobody accounts for; and how many were made, for auditors to count for
// themselves.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ca/log/log.h"
#include "hsm/custody.h"
#include "http/excess.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"

namespace http {

// What is entered of a key when its signer has read it (hsm::KeyFacts::report): its attributes, and
// the rules that were waived. An error when this is no report.
schema::Result<std::vector<schema::Json>> KeyEvents(const std::string& report);

class CustodyWatch {
 public:
  struct Pace {
    // An outage that is shorter may go unseen: no client's answer depends on it.
    std::chrono::milliseconds look{100};
    std::chrono::milliseconds count = std::chrono::hours(1);
  };

  // `note` enters an event; one that cannot be entered is owed and entered first when it can. `log`
  // tells the log's state. All that the arguments refer to outlives the watch. Events:
  //   hsm-lost          role ("issuing", "log"), reason
  //   hsm-recovered     role, down_ms
  //   token-lost        role, token, state ("away", "refused"), reason; of one in a list, or
  //                     of a CA that is not active. A token
  //                     that is away and then refused is told of twice
  //   token-recovered   role, token, down_ms
  //   token-drained     token, uid, since; again after each start while it is
  //   token-undrained   token, uid
  //   key-attributes-read, key-attributes-waived   of a token that came back: as at a start
  //   signature-excess  purpose, excess, made, asked, again, lost (hsm/custody.h), and of
  //                     certificates entered, retried (ca/log/log.h): all since the start. Once for
  //                     each purpose, and again whenever the excess has doubled.
  //   signatures-counted   purpose, made, asked, again, lost, of certificates entered, retried: as
  //                     above, for each purpose that was asked for. Every `pace.count` and at the
  //                     end, where `final` says that no certificate is signed after it in this run.
  // The last ones are never owed: they are read anew when the log is there again, so that what the
  // log has before one of them is no younger than its counts.
  CustodyWatch(const hsm::Custody& custody, std::function<schema::Outcome(schema::Json)> note,
               std::function<ca::LogState()> log, schema::Journal& journal, Pace pace);
  CustodyWatch(const CustodyWatch&) = delete;
  CustodyWatch& operator=(const CustodyWatch&) = delete;
  // Counts for the last time and stops. Call when nothing asks for certificates any more.
  ~CustodyWatch();

 private:
  struct Role {
    std::string name;
    bool up = true;
    schema::Steady::time_point down_since{};
  };
  struct Token {
    hsm::TokenStanding told = hsm::TokenStanding::kServing;
    schema::Steady::time_point down_since{};
    std::uint64_t comebacks = 0;
  };
  void Run(Pace pace);
  void Look(Role& role, bool up, const std::string& reason);
  void Look(const hsm::CustodyState::Token& token);
  void LookAtNotes(const hsm::CustodyState& state);
  void FindExcesses(const hsm::CustodyState& state);
  bool EnterCounts(bool final);  // false: not all of them
  void Settle();

  const hsm::Custody& custody_;
  const std::function<schema::Outcome(schema::Json)> note_;
  const std::function<ca::LogState()> log_;
  schema::Journal& journal_;
  std::array<Role, 2> roles_;                                    // of the thread
  std::map<std::pair<std::string, std::string>, Token> tokens_;  // likewise, by role and name
  std::set<std::string> drained_;                                // likewise, by name
  std::map<hsm::Purpose, std::uint64_t> told_;  // of the thread: the excess of the last event
  std::vector<schema::Json> owed_;              // of the thread; oldest first
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace http
