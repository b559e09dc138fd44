// The logs over HTTP: the certificates log for everyone, the events log on the internal endpoint
// only, because it holds claims and addresses.
#pragma once

#include "http/router.h"
#include "http/signing.h"

namespace http {

// Below /log/certificates/<shard>/: checkpoint, tile/…, issuer/… (static-ct-api), log.v3.json;
// ct/v1/get-sth, get-entries, get-proof-by-hash, get-sth-consistency, get-entry-and-proof,
// get-roots (RFC 6962 4), and add-chain and add-pre-chain, which say that there is no submission.
// Only what the newest checkpoint covers.
void AddCertificatesLogRoutes(const Services& services, Router& router);

// Below /log/events/<shard>/: checkpoint, tile/… (tlog-tiles), entries?first=&last= (both
// inclusive).
void AddEventsLogRoutes(const Services& services, Router& router);

}  // namespace http
