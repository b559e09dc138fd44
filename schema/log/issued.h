// Certificates as a reviewer's file has them, beside the tiles of their log.
//
//   issued/<N>[.p/<W>]    (u24 length, certificate)* of the entries of tile <N>
//
// Not a tile: a certificate can come after its entry, so the file of a number may change. An entry
// whose outcome is unknown has length 0.
#pragma once

#include <string>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/tile.h"

namespace schema {

// Of a data tile: "issued/000", without a slash before it.
std::string IssuedPath(const tile::Tile& data);
// `certificate` has less than 2^24 octets; empty: unknown.
void AppendIssued(Bytes& file, BytesView certificate);
// The certificates of a file, which they view; tile::kBadTile unless there are 1 to 256. Safe on
// any bytes.
Result<std::vector<BytesView>> ParseIssued(BytesView file);

}  // namespace schema
