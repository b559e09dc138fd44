// The routes of `chancery witness serve`: tlog-witness, and /healthz.
#pragma once

#include "ca/witness/witness.h"
#include "http/router.h"

namespace http {

// The witness outlives the router.
//
//   POST /add-checkpoint            200, 400, 403, 404, 409 (text/x.tlog.size), 422, 503
//   GET  /<OriginPath>/checkpoint   200, or 404 until one is cosigned; one for each log
//   GET  /healthz                   200
void AddWitnessRoutes(ca::Witness& witness, const std::vector<schema::VerifierKey>& logs,
                      Router& router);

}  // namespace http
