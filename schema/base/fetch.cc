#include "schema/base/fetch.h"

namespace schema {

const ErrorKind kFetchFailed{"fetch-failed", Fault::kBusy,
                             "a document this answer depends on could not be fetched; try again"};

}  // namespace schema
