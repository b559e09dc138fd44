// Tiles and issuers of one shard over HTTP: the same octets that `chancery log export` writes as
// files. The reader outlives the router.
#pragma once

#include <string>

#include "ca/log/reader.h"
#include "http/router.h"

namespace http {

extern const schema::ErrorKind kBadLogPath;  // kCaller

// Below `prefix`, which ends with "tile/": every tile of the published tree (schema/log/tile.h).
// Immutable, so cacheable for a week; names tiles are gzip. kBadLogPath, kNoSuchEntry.
void AddTiles(const ca::Reader& reader, Router& router, const std::string& prefix, ca::LogName log);
// Below `prefix`, which ends with "issued/": the certificates of a data tile's entries
// (schema/log/issued.h). Not cached: one may come after its entry.
void AddIssued(const ca::Reader& reader, Router& router, const std::string& prefix);
// Below `prefix`, which ends with "issuer/": a certificate by its SHA-256 in lower-case
// hexadecimal.
void AddIssuers(const ca::Reader& reader, Router& router, const std::string& prefix);

}  // namespace http
