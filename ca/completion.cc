// The second half of ca/profile.h: a logged TBS completed with poison or SCT list, and cut again.
#include <algorithm>

#include "ca/extension_writer.h"
#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

bool IsCompletion(const Extension& extension) {
  return schema::Equal(extension.oid, oid::kSctList) || schema::Equal(extension.oid, oid::kPoison);
}

// The fields before the extensions, then these.
Bytes WithExtensions(std::initializer_list<BytesView> head, BytesView first, BytesView last) {
  der::Writer out;
  const std::size_t tbs = out.Begin(der::kSequence);
  for (const BytesView field : head) out.Raw(field);
  const std::size_t wrapper = out.Begin(der::ContextConstructed(3));
  const std::size_t list = out.Begin(der::kSequence);
  out.Raw(first);
  out.Raw(last);
  out.End(list);
  out.End(wrapper);
  out.End(tbs);
  return std::move(out).Take();
}

Result<TbsParts> CutLogged(BytesView tbs) {
  TRY(TbsParts parts, CutTbs(tbs));
  if (std::ranges::any_of(parts.extensions, IsCompletion)) {
    return Error{&kSctMismatch, "the TBS already has poison or an SCT list"};
  }
  return parts;
}

// extnValue of the SCT list is an OCTET STRING of its own inside the OCTET STRING (RFC 6962 3.3).
Bytes SctListExtension(BytesView sct_list) {
  der::Writer out;
  const std::size_t sequence = out.Begin(der::kSequence);
  out.Oid(oid::kSctList);
  const std::size_t value = out.Begin(der::kOctetString);
  out.Value(der::kOctetString, sct_list);
  out.End(value);
  out.End(sequence);
  return std::move(out).Take();
}

// RFC 6962 3.1: critical, its value is ASN.1 NULL.
Bytes PoisonExtension() {
  der::Writer out;
  const std::size_t sequence = out.Begin(der::kSequence);
  out.Oid(oid::kPoison);
  out.Boolean(true);
  const std::size_t value = out.Begin(der::kOctetString);
  out.Null();
  out.End(value);
  out.End(sequence);
  return std::move(out).Take();
}

Bytes AuthorityKeyIdExtension(BytesView key_id) {
  der::Writer out;
  {
    const OpenExtension extension(&out, oid::kAuthorityKeyId, false);
    WriteAuthorityKeyId(&out, key_id);
  }
  return std::move(out).Take();
}

// The extensions in their order, the AuthorityKeyIdentifier another's.
Result<Bytes> WithAuthority(const TbsParts& parts, BytesView key_id) {
  const auto is_authority = [](const Extension& extension) {
    return schema::Equal(extension.oid, oid::kAuthorityKeyId);
  };
  if (std::ranges::count_if(parts.extensions, is_authority) != 1) {
    return Error{&kBadTbs, "not one AuthorityKeyIdentifier"};
  }
  Bytes out;
  for (const Extension& extension : parts.extensions) {
    const Bytes whole = is_authority(extension) ? AuthorityKeyIdExtension(key_id)
                                                : schema::ToBytes(extension.whole);
    out.insert(out.end(), whole.begin(), whole.end());
  }
  return out;
}

}  // namespace

Result<PrecertificateTbs> WithPoison(BytesView tbs, const PrecertificateSigner& signer) {
  TRY(const TbsParts parts, CutLogged(tbs));
  TRY(const Bytes extensions, WithAuthority(parts, signer.key_id));
  const auto before = static_cast<std::size_t>(parts.issuer.data() - parts.head.data());
  const BytesView after = parts.head.subspan(before + parts.issuer.size());
  return PrecertificateTbs(WithExtensions({parts.head.first(before), signer.subject.view(), after},
                                          extensions, PoisonExtension()));
}

Result<PrecertificateTbs> WithPoison(BytesView tbs) {
  TRY(const TbsParts parts, CutLogged(tbs));
  return PrecertificateTbs(WithExtensions({parts.head}, parts.extension_bytes, PoisonExtension()));
}

Result<FinalTbs> WithSctList(BytesView tbs, BytesView sct_list) {
  TRY(const TbsParts parts, CutLogged(tbs));
  return FinalTbs(WithExtensions({parts.head}, parts.extension_bytes, SctListExtension(sct_list)));
}

Result<schema::TbsDer> WithoutSctList(const FinalTbs& tbs) {
  TRY(const TbsParts parts, CutTbs(tbs.view()));
  const Extension& last = parts.extensions.back();
  if (!schema::Equal(last.oid, oid::kSctList) || last.critical) {
    return Error{&kSctMismatch, "the last extension is not an SCT list"};
  }
  der::Reader value(last.value);
  if (!value.Expect(der::kOctetString) || !value.AtEnd()) {
    return Error{&kSctMismatch, "the SCT list is not one OCTET STRING"};
  }
  if (std::ranges::count_if(parts.extensions, IsCompletion) != 1) {
    return Error{&kSctMismatch, "more than one SCT list or poison"};
  }
  const BytesView kept =
      parts.extension_bytes.first(parts.extension_bytes.size() - last.whole.size());
  return schema::TbsDer(WithExtensions({parts.head}, kept, {}));
}

schema::CertDer Assemble(BytesView tbs, const schema::Signature& signature) {
  der::Writer out;
  const std::size_t certificate = out.Begin(der::kSequence);
  out.Raw(tbs);
  const std::size_t algorithm = out.Begin(der::kSequence);
  out.Oid(oid::kEcdsaSha256);
  out.End(algorithm);
  out.BitString(signature.view());
  out.End(certificate);
  return schema::CertDer(std::move(out).Take());
}

}  // namespace ca
