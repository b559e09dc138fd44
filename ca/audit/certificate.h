// A certificate as an auditor reads it (RFC 5280 4.1): cut by lines of its own over
// schema/base/der, not by those the server wrote it with.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::audit {

extern const schema::ErrorKind kBadCertificate;  // kUs: not a certificate this CA may have issued

// The fields of a TBSCertificate before its extensions, in order.
enum Field { kVersion, kSerial, kAlgorithm, kIssuer, kValidity, kSubject, kSpki, kFields };

struct Extension {
  schema::BytesView oid;    // content
  schema::BytesView value;  // content of extnValue
  schema::BytesView whole;
};

// Views the bytes it was read from.
struct Tbs {
  std::array<schema::BytesView, kFields> fields;  // whole elements
  schema::BytesView serial;                       // magnitude
  schema::Time not_before, not_after;
  std::vector<Extension> extensions;  // in order

  const Extension* Find(std::string_view dotted_oid) const;
};

struct Certificate {
  schema::BytesView tbs_der;
  Tbs tbs;
  schema::BytesView algorithm;  // whole AlgorithmIdentifier
  schema::Signature signature;
};

// kBadCertificate unless it is DER, of version 3, with extensions and without unique identifiers.
// Safe on any bytes.
schema::Result<Tbs> ReadTbs(schema::BytesView der);
schema::Result<Certificate> ReadCertificate(schema::BytesView der);

inline constexpr std::string_view kSctListOid = "1.3.6.1.4.1.11129.2.4.2";
inline constexpr std::string_view kPoisonOid = "1.3.6.1.4.1.11129.2.4.3";
inline constexpr std::string_view kAuthorityKeyIdOid = "2.5.29.35";

// RFC 6962 3.2: where `certificate`, without the extension `dropped`, is not the TBS of the entry:
// the name of the first part that differs; nothing when there is none. A precertificate signed by a
// key of its own (3.1) has `another_issuer`: issuer and AuthorityKeyIdentifier are that key's.
std::optional<std::string_view> Difference(const Tbs& entry, const Tbs& certificate,
                                           std::string_view dropped, bool another_issuer);

}  // namespace ca::audit
