#include <openssl/evp.h>

#include "ca/linted.h"
#include "ca/request.h"
#include "ca/spki.h"
#include "ca/tbs_facts.h"
#include "schema/base/limits.h"
#include "schema/base/openssl.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;

const schema::ErrorKind kLint{"lint", schema::Fault::kUs,
                              "the certificate that was made breaks a rule and was not issued; "
                              "this is a defect, report the request id"};

namespace {

constexpr std::size_t kSerialLeast = 8,
                      kSerialMost = 20;  // octets: 64 random bits; RFC 5280 4.1.2.2
constexpr schema::Time kFirstGeneralized{
    std::chrono::seconds{2524608000}};  // 2050-01-01, RFC 5280 4.1.2.5

Error Broken(std::string rule) { return {&kLint, std::move(rule)}; }

bool HasTimeForm(schema::Time time, std::uint8_t tag) {
  return tag == (time < kFirstGeneralized ? der::kUtcTime : der::kGeneralizedTime);
}

Outcome CheckSerial(BytesView serial) {
  if (serial.size() < kSerialLeast || serial.size() > kSerialMost) return Broken("serial length");
  if (serial.size() == kSerialMost && (serial[0] & 0x80) != 0) return Broken("serial of 21 octets");
  return schema::Ok();
}

Outcome CheckValidity(const TbsParts& parts, const Chain& chain, std::chrono::seconds longest) {
  if (!HasTimeForm(parts.not_before, parts.not_before_tag) ||
      !HasTimeForm(parts.not_after, parts.not_after_tag)) {
    return Broken("form of a date");
  }
  if (parts.not_before >= parts.not_after) return Broken("notBefore is not before notAfter");
  if (parts.not_after - parts.not_before > longest) return Broken("validity is too long");
  if (parts.not_before < chain.not_before || parts.not_after > chain.not_after) {
    return Broken("validity exceeds the chain's");
  }
  return schema::Ok();
}

Outcome CheckKeyIds(const TbsParts& parts, const RawKey& key, const Chain& chain) {
  TRY(const BytesView ski, ReadSki(parts.extensions[kSkiSlot]));
  static const schema::Owned<EVP_MD, EVP_MD_free> sha1(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  std::array<std::uint8_t, 20> want{};
  MUST(sha1 != nullptr);
  MUST(EVP_Digest(key.key_bits.data(), key.key_bits.size(), want.data(), nullptr, sha1.get(),
                  nullptr) == 1);
  if (!schema::Equal(ski, want)) return Broken("SubjectKeyIdentifier is not the key's");
  TRY(const BytesView aki, ReadAki(parts.extensions[kAkiSlot]));
  if (!schema::Equal(aki, chain.key_id)) return Broken("AuthorityKeyIdentifier is not the CA's");
  return schema::Ok();
}

Outcome CheckAll(BytesView tbs, const Chain& chain, std::chrono::seconds longest) {
  if (tbs.size() > schema::limits::kTbsBytes) return Broken("size");
  TRY(const TbsParts parts, CutTbs(tbs));
  TRY(FactsOf(parts));
  TRY(CheckSerial(parts.serial));
  if (!schema::Equal(parts.issuer, chain.subject.view()))
    return Broken("issuer is not the CA's subject");
  TRY(CheckValidity(parts, chain, longest));
  TRY(const RawKey key, ReadSpki(parts.spki));
  return CheckKeyIds(parts, key, chain);
}

}  // namespace

Result<Linted> Lint(schema::TbsDer tbs, const Chain& chain, std::chrono::seconds longest) {
  Outcome outcome = CheckAll(tbs.view(), chain, longest);
  // Whatever went wrong with bytes of our own making is ours, a malformed key included.
  if (!outcome) return Broken(std::move(outcome).error().detail);
  return Linted(std::move(tbs));
}

}  // namespace ca
