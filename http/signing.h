// The signing API: bytes of a request to an answer, by way of oidc and ca.
#pragma once

#include <optional>
#include <vector>

#include "ca/authority.h"
#include "ca/tsa/stamping.h"
#include "http/address_limit.h"
#include "http/metrics.h"
#include "http/reload.h"
#include "http/router.h"
#include "oidc/verifier.h"
#include "schema/base/journal.h"

namespace http {

// Everything the public routes need; all of it outlives the server.
struct Services {
  const schema::Config& config;
  const ca::CasInForce& cas;
  oidc::Verifier& verifier;
  ca::Authority& authority;
  hsm::Custody& custody;
  ca::Log& log;
  Metrics& metrics;
  AddressLimit& address_limit;
  schema::Journal& journal;
  const Reloader& reloader;
  ca::Stamping* stamping;                                   // null without `tsa`
  const std::vector<ca::TimestampChain>& timestamp_chains;  // of all authorities there ever were
  const ca::ClockDiscipline* clock;                         // null unless `ca.clock: kernel`
};

extern const schema::ErrorKind kRateLimited;  // kTooMany: http/address_limit.h

// The answer to one request too many of its address. Before anything is read or computed.
std::optional<Response> Limited(const Services& services, const Request& request);

// POST /api/v2/signingCert (200, JSON) and POST /api/v1/signingCert (201, PEM).
void AddSigningRoutes(const Services& services, Router& router);

}  // namespace http
