// Whose key signed a precertificate: the issuing key, or that of a Precertificate Signing
// Certificate of this or an earlier run (RFC 6962 3.1).
#pragma once

#include <optional>

#include "ca/log/sqlite.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

inline constexpr const char* kSignerSql =
    "SELECT certificate FROM precertificate_signer WHERE subject=? AND key_id=?";
// The stored certificate with the name and key id that `precertificate` gives of its issuer,
// through a statement prepared from kSignerSql; nothing when there is none. kBadTbs.
schema::Result<std::optional<schema::CertDer>> FindSigner(sqlite::Statement& statement,
                                                          const schema::CertDer& precertificate);

}  // namespace ca
