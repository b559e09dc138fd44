#include "ca/profile.h"

#include <openssl/rand.h>

#include <algorithm>

#include "ca/extension_writer.h"
#include "ca/tbs_head.h"
#include "ca/tbs_parts.h"
#include "ca/text.h"
#include "schema/base/der.h"
#include "schema/base/limits.h"
#include "schema/base/openssl.h"
#include "schema/base/utf8.h"
#include "schema/extensions.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Fault;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::ErrorKind kOutsideCaValidity{
    "outside-ca-validity", Fault::kUs,
    "the issuing CA's certificate is not valid at this time; the operator has to renew it"};
const schema::ErrorKind kIdentityUnfit{
    "identity-unfit", Fault::kToken,
    "the identity in the token cannot be written into a certificate; its name must be ASCII and "
    "its claims short"};
const schema::ErrorKind kSctMismatch{
    "sct-mismatch", Fault::kUs,
    "a certificate differs from its log entry; this is a defect, report the request id"};

const schema::ErrorKind kNoRandomness{
    "no-randomness", Fault::kUs,
    "the system's random number generator failed; the operator has to look at the machine"};

namespace {

// Left below limits::kTbsBytes for an SCT list of one SCT (about 140 octets) and longer lengths.
constexpr std::size_t kCompletionBytes = 256;

void WriteUsages(der::Writer* out) {
  {
    const OpenExtension extension(out, oid::kKeyUsage, true);
    constexpr std::uint8_t kDigitalSignature[] = {7, 0x80};  // bit 0, seven bits unused
    out->Value(der::kBitString, kDigitalSignature);
  }
  const OpenExtension extension(out, oid::kExtendedKeyUsage, false);
  const std::size_t purposes = out->Begin(der::kSequence);
  out->Oid(oid::kCodeSigning);
  out->End(purposes);
}

void WriteKeyIds(der::Writer* out, BytesView subject_key_bits, BytesView issuer_key_id) {
  {
    const OpenExtension extension(out, oid::kSubjectKeyId, false);
    out->Value(der::kOctetString, KeyIdOf(subject_key_bits));
  }
  const OpenExtension extension(out, oid::kAuthorityKeyId, false);
  WriteAuthorityKeyId(out, issuer_key_id);
}

// GeneralNames of exactly one name (RFC 5280 4.2.1.6); critical because the subject is empty.
void WriteSan(der::Writer* out, const schema::San& san) {
  const OpenExtension extension(out, oid::kSubjectAltName, true);
  const std::size_t names = out->Begin(der::kSequence);
  switch (san.kind) {
    case schema::San::Kind::kEmail:
      out->Value(der::ContextPrimitive(1), schema::AsBytes(san.value));
      break;
    case schema::San::Kind::kUri:
      out->Value(der::ContextPrimitive(6), schema::AsBytes(san.value));
      break;
    case schema::San::Kind::kOtherName: {
      constexpr std::uint8_t kUsername[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                            0x83, 0xbf, 0x30, 0x01, 0x07};
      const std::size_t name = out->Begin(der::ContextConstructed(0));
      out->Oid(kUsername);
      const std::size_t value = out->Begin(der::ContextConstructed(0));
      out->Utf8(san.value);
      out->End(value);
      out->End(name);
      break;
    }
  }
  out->End(names);
}

void WriteArc(der::Writer* out, const schema::FulcioArc& arc, std::string_view text) {
  std::array<std::uint8_t, sizeof oid::kFulcioPrefix + 1> name{};
  std::ranges::copy(oid::kFulcioPrefix, name.begin());
  name.back() = static_cast<std::uint8_t>(arc.arc);
  const OpenExtension extension(out, name, false);
  if (arc.raw) {
    out->Raw(schema::AsBytes(text));
  } else {
    out->Utf8(text);
  }
}

schema::Outcome CheckSan(const schema::San& san) {
  const bool fit = san.kind == schema::San::Kind::kOtherName
                       ? !san.value.empty() && schema::IsUtf8(san.value)
                       : IsVisibleAscii(san.value);
  if (!fit) return Error{&kIdentityUnfit, "subject alternative name"};
  return schema::Ok();
}

schema::Outcome CheckExtensions(const std::vector<schema::FulcioExtension>& extensions) {
  int last = 0;
  const std::string* issuer = nullptr;
  bool issuer_v2 = false;
  for (const schema::FulcioExtension& extension : extensions) {
    const std::string name = "extension " + std::to_string(extension.arc);
    if (extension.arc <= last) return Error{&kIdentityUnfit, name + " is out of order"};
    if (schema::FindArc(extension.arc) == nullptr)
      return Error{&kIdentityUnfit, name + " is unknown"};
    if (extension.text.empty() || !schema::IsUtf8(extension.text)) {
      return Error{&kIdentityUnfit, name + " is empty or not UTF-8"};
    }
    if (extension.arc == 1) issuer = &extension.text;
    if (extension.arc == 8) issuer_v2 = issuer != nullptr && *issuer == extension.text;
    last = extension.arc;
  }
  // Verifiers read one or the other (Fulcio oid-info 1.1 and 1.8), so they have to agree.
  if (!issuer_v2) return Error{&kIdentityUnfit, "issuer extensions 1 and 8 are absent or differ"};
  return schema::Ok();
}

void WriteExtensions(der::Writer* out, const Chain& chain, const schema::Identity& identity,
                     const SubjectKey& key) {
  const std::size_t wrapper = out->Begin(der::ContextConstructed(3));
  const std::size_t list = out->Begin(der::kSequence);
  WriteUsages(out);
  WriteKeyIds(out, key.key_bits(), chain.key_id);
  WriteSan(out, identity.san);
  for (const schema::FulcioExtension& extension : identity.extensions) {
    WriteArc(out, *schema::FindArc(extension.arc), extension.text);
  }
  out->End(list);
  out->End(wrapper);
}

}  // namespace

Result<Serial> RandomSerial() {
  Serial serial{};
  do {
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
      return Error{&kNoRandomness, schema::OpensslError()};
    }
    serial[0] &= 0x7f;  // RFC 5280 4.1.2.2: positive, at most 20 octets
  } while (std::ranges::all_of(serial, [](std::uint8_t octet) { return octet == 0; }));
  return serial;
}

Result<schema::TbsDer> MakeTbs(const Chain& chain, const ProfileSettings& settings,
                               const schema::Identity& identity, const SubjectKey& key,
                               const Serial& serial, schema::Time now) {
  if (now < chain.not_before || now >= chain.not_after) {
    return Error{&kOutsideCaValidity, "chain is valid from " + schema::Rfc3339(chain.not_before) +
                                          " to " + schema::Rfc3339(chain.not_after)};
  }
  TRY(CheckSan(identity.san));
  TRY(CheckExtensions(identity.extensions));

  der::Writer out;
  const std::size_t tbs = out.Begin(der::kSequence);
  WriteTbsHead(&out, serial, chain.subject.view(),
               std::max(now - settings.backdate, chain.not_before),
               std::min(now + settings.lifetime, chain.not_after));
  out.Value(der::kSequence, {});
  out.Raw(key.spki().view());
  WriteExtensions(&out, chain, identity, key);
  out.End(tbs);
  if (out.view().size() > schema::limits::kTbsBytes - kCompletionBytes) {
    return Error{&kIdentityUnfit,
                 "certificate of " + std::to_string(out.view().size()) + " octets"};
  }
  return schema::TbsDer(std::move(out).Take());
}

}  // namespace ca
