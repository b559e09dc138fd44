#include "ca/tsa/status.h"

#include <array>

#include "ca/tsa/authority.h"
#include "ca/tsa/clock_gate.h"
#include "ca/tsa/request.h"
#include "schema/base/der.h"

namespace ca {

namespace der = schema::der;

namespace {

// RFC 3161 2.4.2, PKIStatus
constexpr std::uint8_t kGranted = 0;
constexpr std::uint8_t kRejection = 2;

// X.690 11.2.2: of a list of named bits the trailing zeros are not written.
void WriteBit(der::Writer& out, PkiFailure failure) {
  const auto bit = static_cast<unsigned>(failure);
  schema::Bytes content(2 + bit / 8, 0);
  content.front() = static_cast<std::uint8_t>(7 - bit % 8);  // unused bits
  content.back() = static_cast<std::uint8_t>(0x80u >> (bit % 8));
  out.Value(der::kBitString, content);
}

}  // namespace

PkiFailure PkiFailureOf(const schema::ErrorKind& kind) {
  struct Row {
    const schema::ErrorKind* kind;
    PkiFailure failure;
  };
  static const std::array<Row, 6> rows = {{
      {&kTimestampMalformed, PkiFailure::kBadDataFormat},
      {&kTimestampVersion, PkiFailure::kBadRequest},
      {&kTimestampAlgorithm, PkiFailure::kBadAlg},
      {&kTimestampExtension, PkiFailure::kUnacceptedExtension},
      {&kTimestampPolicy, PkiFailure::kUnacceptedPolicy},
      {&kTimeNotAvailable, PkiFailure::kTimeUnavailable},
  }};
  for (const Row& row : rows) {
    if (row.kind == &kind) return row.failure;
  }
  return PkiFailure::kSystemFailure;
}

schema::Bytes GrantedResponse(schema::BytesView token) {
  der::Writer out;
  const std::size_t response = out.Begin(der::kSequence);
  const std::size_t status = out.Begin(der::kSequence);
  out.SmallInteger(kGranted);
  out.End(status);
  out.Raw(token);
  out.End(response);
  return std::move(out).Take();
}

schema::Bytes RejectedResponse(const schema::ErrorKind& kind) {
  der::Writer out;
  const std::size_t response = out.Begin(der::kSequence);
  const std::size_t status = out.Begin(der::kSequence);
  out.SmallInteger(kRejection);
  const std::size_t text = out.Begin(der::kSequence);  // PKIFreeText
  out.Utf8(kind.text);
  out.End(text);
  WriteBit(out, PkiFailureOf(kind));
  out.End(status);
  out.End(response);
  return std::move(out).Take();
}

}  // namespace ca
