// Search results for machines: the same JSON on the command line and over HTTP.
#pragma once

#include <vector>

#include "ca/log/reader.h"
#include "schema/base/json.h"

namespace ca {

// {"issuances":[{leaf_index, logged, serial, san, issuer, subject, request_id, not_before,
// not_after, certificate_stored}]}
schema::Json RowsJson(const std::vector<IssuanceRow>& rows);

}  // namespace ca
