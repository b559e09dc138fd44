// Which refusals were entered in the last minute, so that a repeated one is counted instead of
// entered.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "schema/base/time.h"

namespace ca {

// Thread-safe; bounded: at most kCapacity identities are remembered, and when it is full everything
// older than a minute is dropped, or, if nothing is, every further refusal counts as repeated.
class RefusalMemory {
 public:
  static constexpr std::size_t kCapacity = 8192;
  static constexpr std::chrono::minutes kWindow{1};

  // True the first time within the window for this issuer, subject and reason.
  bool FirstInWindow(std::string_view issuer, std::string_view subject, std::string_view reason,
                     schema::TimeMs now);
  // It was not entered after all: the next one is the first.
  void Forget(std::string_view issuer, std::string_view subject, std::string_view reason);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, schema::TimeMs> entered_;  // guarded by mutex_
};

}  // namespace ca
