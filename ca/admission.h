// How many certificates may be under way at once: as many as the signers reach in time. Asked
// before an entry is made, so that a certificate that is turned away leaves none.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "hsm/custody.h"

namespace ca {

// Thread-safe.
class Admission {
 public:
  // Given back when it goes: once its certificate has been asked for, which signers count
  // themselves from then on, or will not be.
  class Place {
   public:
    Place(Place&&) = default;
    Place& operator=(Place&&) = delete;
    ~Place() { GiveBack(); }
    void GiveBack() {
      if (const auto taken = std::move(taken_)) --*taken;
    }

   private:
    friend class Admission;
    explicit Place(std::shared_ptr<std::atomic<std::size_t>> taken) : taken_(std::move(taken)) {}
    std::shared_ptr<std::atomic<std::size_t>> taken_;
  };

  explicit Admission(const hsm::Custody& custody) : custody_(custody) {}

  // Does not wait. hsm::kSignerUnavailable: no signer is up,
  // or what was asked of them takes longer than kWithin.
  schema::Result<Place> Enter();

  // Leaves a quarter of limits::kHsmWait for commits, and for a device that becomes slower.
  static constexpr std::chrono::milliseconds kWithin{750};

 private:
  const hsm::Custody& custody_;
  const std::shared_ptr<std::atomic<std::size_t>> taken_ =
      std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace ca
