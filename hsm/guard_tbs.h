// The profile check of a TBSCertificate: the signer's own reading, independent of the code that
// wrote it.
#pragma once

#include "hsm/guard.h"

namespace hsm {

// What stands after Fulcio's arcs.
enum class Ending { kNothing, kSctList, kPoison };

struct Validity {
  schema::Time not_before, not_after;
};
// kSignerRefused with the first rule broken; else the validity, which the caller judges.
schema::Result<Validity> CheckTbs(const GuardSettings& settings, schema::BytesView tbs,
                                  Ending ending);

}  // namespace hsm
