// The running timestamp authority: its parts, and the thread that enters what was stamped.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ca/tsa/authority.h"
#include "ca/tsa/clock_gate.h"
#include "ca/tsa/stamp_book.h"
#include "schema/base/journal.h"
#include "schema/config.h"

namespace ca {

// The chain of `tsa`. kBadTimestampChain; a file's own errors.
schema::Result<TimestampChain> ReadTimestampChain(const schema::TsaSettings& settings,
                                                  schema::Time now);

// What a timestamp authority stands on; all outlives it.
struct StampingGround {
  const schema::Clock& clock;
  const ClockDiscipline* discipline;  // null: the clock is trusted as it is
  StampSigner& signer;
  StampBook::Enter enter;  // Log::Note
  schema::Journal& journal;
};

// Thread-safe.
class Stamping {
 public:
  // Stamps of a quiet time are entered after this long, those of a busy one when they fill a batch.
  static constexpr std::chrono::milliseconds kTurnEvery{1000};
  static constexpr std::chrono::milliseconds kTurnAgain{200};  // after one that failed

  // Enters the event that opens the first batches, and blocks until it is durable; starts the
  // thread. kBadTimestampChain, what `enter` fails with.
  static schema::Result<std::unique_ptr<Stamping>> Open(const schema::TsaSettings& settings,
                                                        TimestampChain chain,
                                                        StampingGround ground);
  // Enters what is left. No Stamp may be under way.
  ~Stamping();

  // TimestampAuthority::Stamp.
  schema::Result<schema::Bytes> Stamp(const TimestampRequest& request);
  // Why the next request would be refused whatever it asks for, as far as clock, chain and events
  // log say; nothing when it would not.
  std::optional<std::string> Trouble() const;

  const TimestampChain& chain() const { return authority_->chain(); }
  std::uint64_t made() const { return book_->made(); }  // since the start

 private:
  Stamping(const StampingGround& ground, schema::TimeMs now);
  void Run(const std::stop_token& stop);
  void Tell(const schema::Outcome& turned);

  schema::Journal& journal_;
  ClockGate gate_;
  std::unique_ptr<StampBook> book_;
  std::unique_ptr<TimestampAuthority> authority_;
  mutable std::mutex mutex_;
  std::string unentered_;  // why the latest event was not entered; guarded by mutex_
  std::condition_variable_any pause_;
  std::jthread thread_;  // last: the first to end
};

}  // namespace ca
