// What answers at an endpoint, and its exchange between two requests.
//
// A new configuration is built behind endpoints that stay open: what arrives meanwhile waits, and
// nothing is refused or answered by parts of both.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/router.h"

namespace http {

extern const schema::ErrorKind kChanging;  // kBusy: the exchange took longer than a request waits

struct Answers {
  Router router;
  // Told of every answered request, on its thread; `seconds` from its last byte read to its answer
  // made.
  std::function<void(const Request&, const Response&, double seconds)> on_answer;
  // Fills Request::client_address; unset: the TCP peer's.
  std::function<std::string(const Request&)> client_address;
};

// Any thread. Outlives what was taken from it.
class InForce {
 public:
  // Longer than a start takes, and less than clients wait.
  static constexpr std::chrono::milliseconds kPatience{5000};

  explicit InForce(Answers first) { Put(std::move(first)); }

  // For one request, which holds it until its answer is made. Waits while there is none; null after
  // `patience`.
  std::shared_ptr<const Answers> Take(std::chrono::milliseconds patience = kPatience) const;

  // From now on Take waits. True when the last request that held what was in force has let it go
  // and it is destroyed; false when one still holds it after `limit`: then it is in force as
  // before.
  bool Withdraw(std::chrono::milliseconds limit);
  // After the first time, behind a Withdraw.
  void Put(Answers next);

 private:
  void Destroy(const Answers* answers);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const Answers> answers_;
  bool destroyed_ = true;
};

}  // namespace http
