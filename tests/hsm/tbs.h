// TBSCertificates for the guard's tests, built piece by piece so that a test can break any of them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "hsm/guard.h"
#include "schema/base/bytes.h"
#include "schema/base/time.h"

namespace tests {

// A CA that exists only here; fixed, so that fuzzing seeds stay valid.
inline constexpr schema::Time kGuardNow{std::chrono::seconds{1795255200}};  // 2026-11-21T10:00:00Z
hsm::GuardSettings SampleSettings();
// The same with a Precertificate Signing Certificate (RFC 6962 3.1).
hsm::GuardSettings DelegatedSettings();

struct TbsSpec {
  schema::Bytes version;    // content of [0]
  schema::Bytes serial;     // content of the INTEGER
  schema::Bytes algorithm;  // whole
  schema::Bytes issuer;     // whole
  schema::Time not_before, not_after;
  schema::Bytes subject;  // whole
  schema::Bytes spki;     // whole
  std::vector<schema::Bytes> extensions;
  schema::Bytes before_extensions, after_extensions;  // further fields
};

// One that Allow takes for this purpose (kSct: the TBS of a leaf), by `settings`, at `now`.
TbsSpec SampleTbs(const hsm::GuardSettings& settings, hsm::Purpose purpose, schema::Time now);
schema::Bytes Build(const TbsSpec& spec);

// Places in SampleTbs(…).extensions.
enum Place : std::size_t { kUsage, kPurposes, kSki, kAki, kSan, kArc1, kArc8, kEnd };

schema::Bytes Extension(schema::BytesView oid, bool critical, schema::BytesView value);
schema::Bytes Extension(std::string_view oid, bool critical,
                        std::initializer_list<std::uint8_t> value);
schema::Bytes Wrap(std::uint8_t tag, schema::BytesView content);
schema::Bytes Join(std::initializer_list<schema::Bytes> parts);
schema::Bytes Text(std::string_view text);
// subjectAltName of these whole GeneralNames.
schema::Bytes San(std::initializer_list<schema::Bytes> names);
schema::Bytes SctListExtension();
schema::Bytes PoisonExtension();

// The same request as a CA certificate: BasicConstraints CA:TRUE and keyCertSign.
TbsSpec CaTbs(const hsm::GuardSettings& settings, schema::Time now);

}  // namespace tests
