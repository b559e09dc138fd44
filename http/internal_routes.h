// What operators and their tools ask: health with reasons, metrics, search.
#pragma once

#include "http/router.h"
#include "http/signing.h"

namespace http {

// /healthz, /readyz (200 or 503, with the reasons), /metrics (Prometheus), /api/search (san,
// issuer, subject, serial, request_id: exact, or a prefix when it ends with '*'; count, before).
void AddInternalRoutes(const Services& services, Router& router);

}  // namespace http
