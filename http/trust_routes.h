// Public trust material and health: what verifiers and load balancers ask for.
#pragma once

#include "http/router.h"
#include "http/signing.h"

namespace http {

// GET /api/v2/trustBundle, /api/v2/configuration, /api/v1/rootCert, the documents under /trust/
// that `chancery trust export` writes as files, /healthz.
void AddTrustRoutes(const Services& services, Router& router);

}  // namespace http
