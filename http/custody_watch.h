// Enters in the events log when the signers of a role are gone and when they are back, one event
// for each change, however many requests meet it; and signatures that nobody accounts for.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "ca/log/log.h"
#include "hsm/custody.h"
#include "http/excess.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"

namespace http {

class CustodyWatch {
 public:
  // `note` enters an event; one that cannot be entered is owed and entered first when it can. `log`
  // tells the log's state. All that the arguments refer to outlives the watch. Events:
  //   hsm-lost          role ("issuing", "log"), reason
  //   hsm-recovered     role, down_ms
  //   signature-excess  purpose, excess, made, asked, again, lost (hsm/custody.h), and of
  //                     certificates entered, retried (ca/log/log.h): all since the start. Once for
  //                     each purpose, and again whenever the excess has doubled.
  CustodyWatch(const hsm::Custody& custody, std::function<schema::Outcome(schema::Json)> note,
               std::function<ca::LogState()> log, schema::Journal& journal,
               std::chrono::milliseconds look = kLook);
  CustodyWatch(const CustodyWatch&) = delete;
  CustodyWatch& operator=(const CustodyWatch&) = delete;
  ~CustodyWatch();  // stops

  // An outage that is shorter may go unseen: no client's answer depends on it.
  static constexpr std::chrono::milliseconds kLook{100};

 private:
  struct Role {
    std::string name;
    bool up = true;
    schema::Steady::time_point down_since{};
  };
  void Run(std::chrono::milliseconds look);
  void Look(Role& role, bool up, const std::string& reason);
  void Count(const hsm::CustodyState& state);
  void Settle();

  const hsm::Custody& custody_;
  const std::function<schema::Outcome(schema::Json)> note_;
  const std::function<ca::LogState()> log_;
  schema::Journal& journal_;
  std::array<Role, 2> roles_;                   // of the thread
  std::map<hsm::Purpose, std::uint64_t> told_;  // of the thread: the excess of the last event
  std::vector<schema::Json> owed_;              // of the thread; oldest first
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace http
