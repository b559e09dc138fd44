// What a TBSCertificate of our profile says: the one reader behind ReadTbs and Lint.
#pragma once

#include "ca/profile.h"
#include "ca/tbs_parts.h"

namespace ca {

// Positions of the extensions that every certificate has; Fulcio's arcs follow.
enum Slot : std::size_t {
  kKeyUsageSlot,
  kExtendedKeyUsageSlot,
  kSkiSlot,
  kAkiSlot,
  kSanSlot,
  kArcSlot
};

// kBadTbs, naming the rule, unless version, algorithm, subject, and every extension's
// place, criticality and value are those of the profile (fulcio 2.1). Nothing is compared with a CA
// here.
schema::Result<TbsFacts> FactsOf(const TbsParts& parts);

// Content of the OCTET STRING of a SubjectKeyIdentifier; keyIdentifier alone of an
// AuthorityKeyIdentifier.
schema::Result<schema::BytesView> ReadSki(const Extension& extension);
schema::Result<schema::BytesView> ReadAki(const Extension& extension);

}  // namespace ca
