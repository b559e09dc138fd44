// One entry of the certificates log, decoded and checked: what `chancery log show` prints.
#pragma once

#include <string>

#include "ca/log/log.h"
#include "ca/log/reader.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace ca {

// "17" is a leaf index; anything else, and digits too long for one, is a serial in hexadecimal.
// `shard`: the reader's, of the certificates log; kNoSuchEntry names another one that has it.
schema::Result<std::uint64_t> FindIndex(const Reader& reader, const std::string& shard,
                                        const std::string& index_or_serial);

struct Shown {
  schema::Json facts;
  bool verified;  // nothing that could be checked was wrong
};
// Facts of the TBS, the certificate and its SCT, the inclusion proof against the newest tree head,
// and the events. What cannot be checked yet (no certificate, no checkpoint over it) says so.
schema::Result<Shown> ShowEntry(const Reader& reader, const LogKeys& keys, std::uint64_t index);

}  // namespace ca
