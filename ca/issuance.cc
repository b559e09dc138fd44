#include "ca/issuance.h"

#include <utility>

#include "schema/base/limits.h"

namespace ca {

using schema::Error;
using schema::Result;
using schema::Steady;

Result<FinalTbs> Issuance::Complete(const Receipt& receipt) const {
  TRY(FinalTbs tbs, WithSctList(receipt.tbs(), schema::EncodeSctList(receipt.sct())));
  TRY(const schema::TbsDer logged, WithoutSctList(tbs));
  if (!schema::Equal(logged.view(), receipt.tbs())) return Error{&kSctMismatch, ""};
  return tbs;
}

void Issuance::Give(Result<Receipt> receipt) {
  Ask(std::move(receipt));
  place_.GiveBack();
}

void Issuance::Ask(Result<Receipt> receipt) {
  if (!receipt) return End(std::move(receipt).error());
  const bool stored = receipt->certificate().has_value();
  std::optional<FinalTbs> tbs;
  if (!stored) {
    auto completed = Complete(*receipt);
    if (!completed) return End(std::move(completed).error());
    tbs = *std::move(completed);
  }
  const auto asked = Steady::now();
  {
    const std::lock_guard lock(mutex_);
    receipt_ = *std::move(receipt);
    tbs_ = tbs;
    asked_ = asked;
  }
  if (stored) return End(std::nullopt);
  custody_.Submit(hsm::Purpose::kCertificate, tbs->view(), asked + schema::limits::kHsmWait,
                  shared_from_this());
}

void Issuance::Set(std::size_t, Result<hsm::Signed> answer) {
  const std::lock_guard lock(mutex_);
  if (done_) return;
  if (answer) {
    signature_ = *std::move(answer);
  } else {
    error_ = std::move(answer).error();
  }
  answered_ = Steady::now();
  done_ = true;
  ended_.notify_one();
}

void Issuance::End(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  done_ = true;
  ended_.notify_one();
}

bool Issuance::Wants(std::size_t) const {
  const std::lock_guard lock(mutex_);
  return !done_ && !abandoned_;
}

Result<Issuance::Done> Issuance::Wait() {
  std::unique_lock lock(mutex_);
  while (!done_) {
    // Before the entry is durable there is no limit but the log's own, and it is looked again.
    const bool asked = tbs_.has_value();
    const auto until = (asked ? asked_ : Steady::now()) + schema::limits::kHsmWait;
    if (ended_.wait_until(lock, until, [this] { return done_; }) || !asked) continue;
    abandoned_ = true;
    return Error{&hsm::kSignerUnavailable, "no answer until the deadline"};
  }
  if (error_) return *std::move(error_);
  Done out{*std::move(receipt_), std::nullopt};
  if (signature_) {
    out.completed =
        Completed{*std::move(tbs_), *std::move(signature_),
                  std::chrono::duration_cast<std::chrono::microseconds>(answered_ - asked_)};
  }
  return out;
}

}  // namespace ca
