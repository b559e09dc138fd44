// What of a certificate is worth a signal when an issuer's is certified for the first time.
#pragma once

#include <vector>

#include "ca/log/terms.h"
#include "ca/request.h"
#include "schema/identity.h"

namespace ca {

// Read from the extensions, which mean the same for every issuer: the repository by its id where
// there is one (names are recycled) with its URI beside it, the workflow's URI without "@" and the
// ref behind it, the runner environment; and the key type. What the certificate does not say is
// left out.
std::vector<Trait> TraitsOf(const schema::Identity& identity, const SubjectKey& key);

}  // namespace ca
