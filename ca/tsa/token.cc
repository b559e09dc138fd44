#include "ca/tsa/token.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "schema/base/der.h"
#include "schema/cms_oids.h"
#include "schema/extensions.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

// Open between construction and destruction.
class Open {
 public:
  Open(der::Writer& out, std::uint8_t tag) : out_(out), mark_(out.Begin(tag)) {}
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  ~Open() { out_.End(mark_); }

 private:
  der::Writer& out_;
  const std::size_t mark_;
};

// RFC 5754 2, RFC 5758 3.2: no parameters.
void WriteAlgorithm(der::Writer& out, BytesView name) {
  const Open identifier(out, der::kSequence);
  out.Oid(name);
}

// RFC 3161 2.4.2: GeneralizedTime, in every year.
void WriteGenTime(der::Writer& out, schema::TimeMs time) {
  std::string digits;  // 2026-11-21T10:00:00Z without its punctuation
  for (const char c : schema::Rfc3339(schema::ToSeconds(time))) {
    if ((c >= '0' && c <= '9') || c == 'Z') digits += c;
  }
  out.Value(der::kGeneralizedTime, schema::AsBytes(digits));
}

// X.690 11.6: ascending. No whole element is the beginning of another, so padding does not matter.
void WriteSorted(der::Writer& out, std::uint8_t tag, std::vector<Bytes> elements) {
  std::ranges::sort(elements);
  const Open set(out, tag);
  for (const Bytes& element : elements) out.Raw(element);
}

// One value, written by `write`.
template <class Write>
Bytes Attribute(BytesView type, const Write& write) {
  der::Writer out;
  {
    const Open attribute(out, der::kSequence);
    out.Oid(type);
    const Open values(out, der::kSet);
    write(out);
  }
  return std::move(out).Take();
}

// RFC 5035 3: SHA-256 is the default and so not written; no issuerSerial, as in tokens of OpenSSL.
void WriteSigningCertificate(der::Writer& out, const schema::Hash& certificate) {
  const Open signing_certificate(out, der::kSequence);
  const Open certificates(out, der::kSequence);
  const Open identifier(out, der::kSequence);
  out.Value(der::kOctetString, certificate);
}

void WriteContent(der::Writer& out, BytesView tst_info) {
  const Open content(out, der::kSequence);
  out.Oid(oid::kTstInfo);
  const Open explicit_content(out, der::ContextConstructed(0));
  out.Value(der::kOctetString, tst_info);
}

void WriteSignerInfo(der::Writer& out, BytesView signed_attributes, BytesView signature,
                     const TimestampChain& chain) {
  const Open infos(out, der::kSet);
  const Open info(out, der::kSequence);
  out.SmallInteger(1);  // RFC 5652 5.3: 1 with issuerAndSerialNumber
  out.Raw(chain.issuer_and_serial);
  WriteAlgorithm(out, oid::kSha256);
  // RFC 5652 5.4: signed with the tag of a SET, sent with [0] IMPLICIT.
  Bytes attributes = schema::ToBytes(signed_attributes);
  attributes.front() = der::ContextConstructed(0);
  out.Raw(attributes);
  WriteAlgorithm(out, oid::kEcdsaSha256);
  out.Value(der::kOctetString, signature);
}

}  // namespace

Bytes WriteTstInfo(const TstFacts& facts, const TimestampRequest& request) {
  MUST(facts.accuracy.count() >= 1 && facts.accuracy.count() <= 127);
  der::Writer out;
  {
    const Open info(out, der::kSequence);
    out.SmallInteger(1);
    out.Oid(facts.policy);
    out.Raw(request.imprint);
    out.UnsignedInteger(facts.serial);
    WriteGenTime(out, facts.time);
    {
      const Open accuracy(out, der::kSequence);
      out.SmallInteger(static_cast<std::uint8_t>(facts.accuracy.count()));
    }
    out.Raw(request.nonce);
  }
  return std::move(out).Take();
}

Bytes WriteSignedAttributes(BytesView tst_info, const schema::Hash& certificate) {
  const schema::Hash digest = schema::Sha256(tst_info);
  std::vector<Bytes> attributes;
  attributes.push_back(
      Attribute(oid::kContentType, [](der::Writer& out) { out.Oid(oid::kTstInfo); }));
  attributes.push_back(Attribute(
      oid::kMessageDigest, [&digest](der::Writer& out) { out.Value(der::kOctetString, digest); }));
  attributes.push_back(Attribute(oid::kSigningCertificateV2, [&certificate](der::Writer& out) {
    WriteSigningCertificate(out, certificate);
  }));
  der::Writer out;
  WriteSorted(out, der::kSet, std::move(attributes));
  return std::move(out).Take();
}

Bytes WriteToken(BytesView tst_info, BytesView signed_attributes,
                 const schema::Signature& signature, const TimestampChain& chain,
                 std::size_t embedded) {
  MUST(embedded <= chain.certificates.size());
  der::Writer out;
  {
    const Open content_info(out, der::kSequence);
    out.Oid(oid::kSignedData);
    const Open content(out, der::ContextConstructed(0));
    const Open signed_data(out, der::kSequence);
    out.SmallInteger(3);  // RFC 5652 5.1: the content is not id-data
    {
      const Open digests(out, der::kSet);
      WriteAlgorithm(out, oid::kSha256);
    }
    WriteContent(out, tst_info);
    if (embedded > 0) {
      std::vector<Bytes> certificates;
      for (std::size_t i = 0; i < embedded; ++i) {
        certificates.push_back(chain.certificates[i].bytes());
      }
      WriteSorted(out, der::ContextConstructed(0), std::move(certificates));
    }
    WriteSignerInfo(out, signed_attributes, signature.view(), chain);
  }
  return std::move(out).Take();
}

}  // namespace ca
