#include "ca/ceremony/ca_lint.h"

#include <algorithm>
#include <iterator>

#include "ca/linted.h"
#include "ca/spki.h"
#include "ca/tbs_parts.h"
#include "schema/extensions.h"

namespace ca::ceremony {

using schema::BytesView;
using schema::Error;
using schema::Result;
namespace oid = schema::oid;

namespace {

constexpr std::uint8_t kVersion3[] = {0x02, 0x01, 0x02};
constexpr std::uint8_t kAlgorithm[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::size_t kSerialBytesLeast = 8, kSerialBytesMost = 20;
constexpr std::chrono::hours kLongest{24 * 366 * 25};

struct Subject {
  const TbsParts& parts;
  const CaTerms& found;
  const CaTerms& wanted;
  const CaTerms* issuer;  // null: self-signed
};

// What is wrong, or nothing.
using Finding = std::string;

Finding Version(const Subject& s) {
  return schema::Equal(s.parts.version, kVersion3) ? "" : "not version 3";
}

// 20 octets with the top bit set would be encoded as 21.
Finding SerialNumber(const Subject& s) {
  const BytesView serial = s.parts.serial;
  const bool sized = serial.size() >= kSerialBytesLeast && serial.size() <= kSerialBytesMost;
  const bool long_form = serial.size() == kSerialBytesMost && serial[0] >= 0x80;
  return sized && !long_form ? "" : "not a random number of 8 to 20 octets";
}

Finding Algorithm(const Subject& s) {
  return schema::Equal(s.parts.algorithm, kAlgorithm) ? "" : "not ecdsa-with-SHA256";
}

Finding IssuerName(const Subject& s) {
  const schema::NameDer& above = s.issuer == nullptr ? s.found.subject : s.issuer->subject;
  return s.found.issuer == above ? "" : "not the subject of the certificate that signs";
}

Finding SubjectName(const Subject& s) {
  if (s.found.subject != s.wanted.subject) return "not the one that was planned";
  const bool same = s.found.subject == s.found.issuer;
  return same == (s.issuer == nullptr) ? "" : "the same as the issuer's, which is another CA";
}

Finding ValidityOrder(const Subject& s) {
  return s.found.not_before < s.found.not_after ? "" : "notAfter is not after notBefore";
}

Finding ValidityLength(const Subject& s) {
  return s.found.not_after - s.found.not_before <= kLongest ? "" : "longer than 25 years";
}

Finding ValidityPlanned(const Subject& s) {
  const bool planned =
      s.found.not_before == s.wanted.not_before && s.found.not_after == s.wanted.not_after;
  return planned ? "" : "not the times that were planned";
}

// A path is valid while all of it is: what outlives its issuer promises what it cannot keep.
Finding ValidityNested(const Subject& s) {
  if (s.issuer == nullptr) return "";
  const bool inside =
      s.issuer->not_before <= s.found.not_before && s.found.not_after <= s.issuer->not_after;
  return inside
             ? ""
             : schema::Rfc3339(s.found.not_before) + " to " + schema::Rfc3339(s.found.not_after) +
                   " is not within its issuer's " + schema::Rfc3339(s.issuer->not_before) + " to " +
                   schema::Rfc3339(s.issuer->not_after);
}

Finding Key(const Subject& s) {
  if (s.found.spki != s.wanted.spki) return "not the key that was made for it";
  const auto key = ReadSpki(s.found.spki.view());
  return key && key->type == KeyType::kP256 && LoadKey(*key) ? "" : "no point of P-256";
}

Finding Extensions(const Subject& s) {
  struct Slot {
    BytesView name;
    bool critical, present;
  };
  const Slot slots[] = {
      {oid::kBasicConstraints, true, true},
      {oid::kKeyUsage, true, true},
      {oid::kExtendedKeyUsage, !s.wanted.IsCa(), s.wanted.purpose != Purpose::kAny},
      {oid::kSubjectKeyId, false, true},
      {oid::kAuthorityKeyId, false, s.issuer != nullptr}};
  auto at = s.parts.extensions.begin();
  for (const Slot& slot : slots) {
    if (!slot.present) continue;
    if (at == s.parts.extensions.end() || !schema::Equal(at->oid, slot.name)) {
      return schema::der::OidText(slot.name) + " is not in its place";
    }
    if (at->critical != slot.critical) return schema::der::OidText(slot.name) + ": criticality";
    ++at;
  }
  return at == s.parts.extensions.end() ? "" : "there is one too many";
}

Finding PathLength(const Subject& s) {
  if (s.found.path_length != s.wanted.path_length) return "not the one that was planned";
  if (s.issuer == nullptr || !s.issuer->path_length || !s.found.IsCa()) return "";
  const bool shorter = s.found.path_length && *s.found.path_length < *s.issuer->path_length;
  return shorter ? "" : "not less than its issuer's " + std::to_string(*s.issuer->path_length);
}

Finding ExtendedKeyUsage(const Subject& s) {
  return s.found.purpose == s.wanted.purpose ? "" : "not the purpose that was planned";
}

Finding SubjectKeyId(const Subject& s) {
  return s.found.key_id == s.wanted.key_id ? "" : "not the name of its key";
}

Finding AuthorityKeyId(const Subject& s) {
  const schema::Bytes& above = s.issuer == nullptr ? s.found.key_id : s.issuer->key_id;
  return s.found.issuer_key_id == above ? "" : "not the SubjectKeyIdentifier of its issuer";
}

struct Rule {
  const char* id;
  const char* source;
  Finding (*judge)(const Subject&);
};
constexpr Rule kRules[] = {
    {"version", "RFC 5280 4.1.2.1", Version},
    {"serial-number", "RFC 5280 4.1.2.2", SerialNumber},
    {"signature-algorithm", "RFC 5758 3.2", Algorithm},
    {"issuer", "RFC 5280 4.1.2.4", IssuerName},
    {"subject", "RFC 5280 4.1.2.6", SubjectName},
    {"validity-order", "RFC 5280 4.1.2.5", ValidityOrder},
    {"validity-length", "RFC 5280 4.1.2.5", ValidityLength},
    {"validity-planned", "plan", ValidityPlanned},
    {"validity-nested", "RFC 5280 6.1", ValidityNested},
    {"key", "RFC 5480 2.1.1", Key},
    {"extensions", "RFC 5280 4.2", Extensions},
    {"path-length", "RFC 5280 4.2.1.9", PathLength},
    {"extended-key-usage", "RFC 5280 4.2.1.12, RFC 6962 3.1, RFC 3161 2.3", ExtendedKeyUsage},
    {"subject-key-identifier", "RFC 5280 4.2.1.2", SubjectKeyId},
    {"authority-key-identifier", "RFC 5280 4.2.1.1", AuthorityKeyId},
};

}  // namespace

std::vector<std::string> CaLintRules() {
  // The form is read before the rules: BasicConstraints and KeyUsage are part of it.
  std::vector<std::string> ids = {"form"};
  std::ranges::transform(kRules, std::back_inserter(ids), &Rule::id);
  return ids;
}

Result<LintedCa> LintCa(schema::TbsDer tbs, const CaTerms& wanted, const CaTerms* issuer) {
  const auto found = ReadCaTerms(tbs.view());
  if (!found) return Error{&kLint, "form (RFC 5280 4.1): " + found.error().detail};
  TRY(const TbsParts parts, CutTbs(tbs.view()));
  const Subject subject{parts, *found, wanted, issuer};
  for (const Rule& rule : kRules) {
    const Finding finding = rule.judge(subject);
    if (finding.empty()) continue;
    return Error{&kLint, std::string(rule.id) + " (" + rule.source + "): " + finding};
  }
  return LintedCa(std::move(tbs));
}

}  // namespace ca::ceremony
