// What the events log has to be told of the issuing CAs.
#pragma once

#include <vector>

#include "ca/issuing_cas.h"
#include "ca/log/log.h"

namespace ca {

// One commit: Log::Adopt's arguments.
struct CaChange {
  Basis basis;
  schema::Json event;
  std::vector<IssuingCaRow> rows;
};

// From what the store was told last to `cas`, in the order to be entered: what is prepared, then
// what is activated, then what is retired. kBadRotation: a CA of `told` is missing, or comes back
// from retirement.
schema::Result<std::vector<CaChange>> ChangesTo(const IssuingCas& cas,
                                                const std::vector<IssuingCaRow>& told);

}  // namespace ca
