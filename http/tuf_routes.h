// The TUF repository of `tuf`, as files.
#pragma once

#include "http/router.h"
#include "http/signing.h"

namespace http {

// GET /tuf/NAME and /tuf/targets/NAME. Clients ask for versions that are not there yet: 404.
void AddTufRoutes(const Services& services, Router& router);

}  // namespace http
