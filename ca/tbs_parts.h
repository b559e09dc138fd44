// A TBSCertificate cut into its fields (RFC 5280 4.1), without judging their values.
#pragma once

#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/der.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

extern const schema::ErrorKind kBadTbs;  // kUs: not a TBSCertificate of this profile

struct Extension {
  schema::BytesView oid;
  bool critical;
  schema::BytesView value;  // content of extnValue
  schema::BytesView whole;
};

// Views the TBS it was cut from.
struct TbsParts {
  schema::BytesView version;    // the content of [0]
  schema::BytesView serial;     // magnitude
  schema::BytesView algorithm;  // content of the AlgorithmIdentifier
  schema::BytesView issuer;     // whole Name
  schema::Time not_before, not_after;
  std::uint8_t not_before_tag, not_after_tag;
  schema::BytesView subject;  // content of the Name
  schema::BytesView spki;     // whole
  schema::BytesView head;     // all fields before the extensions
  schema::BytesView extension_bytes;
  std::vector<Extension> extensions;  // in order
};

// kBadTbs unless `tbs` is DER with version and extensions fields, no unique identifiers,
// at most 64 extensions, DER BOOLEANs (a written FALSE is refused). Safe on any bytes.
schema::Result<TbsParts> CutTbs(schema::BytesView tbs);

// A TBS is of our own making, so its DER errors are no caller's fault.
schema::Error AsBadTbs(schema::Error error);

}  // namespace ca
