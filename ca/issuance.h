// One certificate on its way from the log to the signers: the log hands it on by itself, so that
// the request that waits for it is woken once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "ca/admission.h"
#include "ca/log/log.h"
#include "ca/profile.h"
#include "hsm/custody.h"

namespace ca {

// Made for one Log::Enter. One thread waits; the others are the log's and custody's.
class Issuance final : public ReceiptTaker,
                       public hsm::SignatureTaker,
                       public std::enable_shared_from_this<Issuance> {
 public:
  Issuance(hsm::Custody& custody, Admission::Place place)
      : custody_(custody), place_(std::move(place)) {}

  // The logged TBS is completed with its SCT and given to a signer: there is no other way to one.
  void Give(schema::Result<Receipt> receipt) override;
  void Set(std::size_t slot, schema::Result<hsm::Signed> answer) override;
  bool Wants(std::size_t slot) const override;

  struct Completed {
    FinalTbs tbs;
    hsm::Signed signature;           // not verified yet
    std::chrono::microseconds took;  // from the question to the answer
  };
  struct Done {
    Receipt receipt;
    std::optional<Completed> completed;  // none where the receipt has a certificate
  };
  // Once. Blocks as long as the commit takes, and for one signature limits::kHsmWait at most.
  schema::Result<Done> Wait();

 private:
  void Ask(schema::Result<Receipt> receipt);
  schema::Result<FinalTbs> Complete(const Receipt& receipt) const;
  void End(std::optional<schema::Error> error);

  hsm::Custody& custody_;
  Admission::Place place_;  // of the log's thread once there is a receipt
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  // All below is guarded by mutex_.
  std::optional<Receipt> receipt_;
  std::optional<FinalTbs> tbs_;
  std::optional<hsm::Signed> signature_;
  std::optional<schema::Error> error_;
  schema::Steady::time_point asked_{}, answered_{};
  bool done_ = false, abandoned_ = false;
};

}  // namespace ca
