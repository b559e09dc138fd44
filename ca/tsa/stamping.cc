#include "ca/tsa/stamping.h"

#include <utility>

#include "schema/base/file.h"

namespace ca {

using schema::Outcome;
using schema::Result;

Result<TimestampChain> ReadTimestampChain(const schema::TsaSettings& settings, schema::Time now) {
  TRY(const std::string pem, schema::ReadFile(settings.chain));
  return LoadTimestampChain(pem, now);
}

Stamping::Stamping(const StampingGround& ground, schema::TimeMs now)
    : journal_(ground.journal), gate_(ground.clock, ground.discipline, now) {}

Result<std::unique_ptr<Stamping>> Stamping::Open(const schema::TsaSettings& settings,
                                                 TimestampChain chain, StampingGround ground) {
  // The event that opens the book is entered by a log that takes none while the clock is behind its
  // newest entry, so the time is no earlier than any that an earlier run has told.
  TRY(auto book, StampBook::Open(kStampsInBatchMax, std::move(ground.enter)));
  std::unique_ptr<Stamping> out(new Stamping(ground, ground.clock.Now()));
  out->book_ = std::move(book);
  TRY(out->authority_,
      TimestampAuthority::Make({settings.policy, settings.accuracy, settings.include_chain},
                               std::move(chain), out->gate_, *out->book_, ground.signer));
  out->thread_ =
      std::jthread([stamping = out.get()](const std::stop_token& stop) { stamping->Run(stop); });
  return out;
}

Stamping::~Stamping() {
  if (!thread_.joinable()) return;  // never opened
  thread_.request_stop();
  book_->Hurry();
  thread_.join();
  if (const auto closed = book_->Close(); !closed) {
    // The batch stays open in the events log, where anyone can see it (stamp_book.h).
    journal_.Warning("timestamps-not-entered", {{"reason", closed.error().Describe()}});
  }
}

Result<schema::Bytes> Stamping::Stamp(const TimestampRequest& request) {
  return authority_->Stamp(request);
}

std::optional<std::string> Stamping::Trouble() const {
  if (const auto ready = authority_->Ready(); !ready) return ready.error().detail;
  const std::lock_guard lock(mutex_);
  if (unentered_.empty()) return std::nullopt;
  return "stamps cannot be entered: " + unentered_;
}

void Stamping::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    book_->AwaitFull(kTurnEvery);
    const Outcome turned = book_->Turn();
    Tell(turned);
    if (turned) continue;
    std::unique_lock lock(mutex_);
    pause_.wait_for(lock, stop, kTurnAgain, [] { return false; });
  }
}

// A line when it stops to work and one when it works again, not one for each attempt.
void Stamping::Tell(const Outcome& turned) {
  const std::string why = turned ? "" : turned.error().Describe();
  const std::lock_guard lock(mutex_);
  if (why.empty() == unentered_.empty()) return;
  unentered_ = why;
  if (why.empty()) {
    journal_.Info("timestamps-entered-again");
  } else {
    journal_.Error("timestamps-not-entered", {{"reason", why}});
  }
}

}  // namespace ca
