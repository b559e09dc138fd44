#include "ca/admission.h"

#include "schema/base/limits.h"

namespace ca {

using schema::Error;

static_assert(Admission::kWithin < schema::limits::kHsmWait);

schema::Result<Admission::Place> Admission::Enter() {
  if (!custody_.Ready()) return Error{&hsm::kSignerUnavailable, "no signer is up"};
  const std::size_t before = (*taken_)++;
  Place place(taken_);
  if (custody_.TimeFor(before + 1) > kWithin) {
    return Error{&hsm::kSignerUnavailable, "as much is asked of the HSM as it does in time"};
  }
  return place;
}

}  // namespace ca
