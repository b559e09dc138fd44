// What a signer takes for the attributes of a timestamp: one shape, and every step away from it.
#include <doctest/doctest.h>

#include <algorithm>

#include "hsm/guard_timestamp.h"
#include "schema/base/der.h"
#include "schema/cms_oids.h"

namespace {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::Hash kCertificate = schema::Sha256(schema::AsBytes("a certificate"));

Bytes Wrap(std::uint8_t tag, BytesView content) {
  der::Writer out;
  out.Value(tag, content);
  return std::move(out).Take();
}

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes Attribute(BytesView type, const Bytes& values) {
  return Wrap(der::kSequence, Join({Wrap(der::kOid, type), Wrap(der::kSet, values)}));
}

Bytes Type(BytesView type = oid::kTstInfo) {
  return Attribute(oid::kContentType, Wrap(der::kOid, type));
}
Bytes Digest(std::size_t size = 32) {
  return Attribute(oid::kMessageDigest, Wrap(der::kOctetString, Bytes(size, 7)));
}
Bytes Identifier(BytesView digest, const Bytes& more = {}) {
  return Wrap(der::kSequence, Join({Wrap(der::kOctetString, digest), more}));
}
Bytes Signing(const Bytes& identifiers) {
  return Attribute(oid::kSigningCertificateV2,
                   Wrap(der::kSequence, Wrap(der::kSequence, identifiers)));
}
Bytes Ours() { return Signing(Identifier(kCertificate)); }
Bytes Set(std::initializer_list<Bytes> attributes) { return Wrap(der::kSet, Join(attributes)); }

}  // namespace

TEST_CASE("CheckTimestampAttributes") {
  const Bytes other(32, 9);
  const Bytes good = Set({Type(), Digest(), Ours()});
  Bytes trailing = good;
  trailing.push_back(0);
  Bytes implicit = good;
  implicit[0] = der::ContextConstructed(0);
  // PKCS#9 signingTime, 1.2.840.113549.1.9.5
  const Bytes signing_time = Attribute(der::OidContent("1.2.840.113549.1.9.5"),
                                       Wrap(der::kUtcTime, schema::AsBytes("261121100000Z")));

  struct Case {
    const char* name;
    Bytes bytes;
    const char* why;  // null: allowed
  };
  const Case cases[] = {
      {"the three", good, nullptr},
      {"nothing", {}, "not the attributes"},
      {"an octet more", trailing, "not the attributes"},
      {"the tag they travel with", implicit, "not the attributes"},
      {"an empty set", Set({}), "not the attributes"},
      {"id-data", Set({Type(der::OidContent("1.2.840.113549.1.7.1")), Digest(), Ours()}),
       "content-type is 1.2.840.113549.1.7.1"},
      {"no content-type", Set({Digest(), Ours()}), "expected content-type"},
      {"another order", Set({Digest(), Type(), Ours()}), "expected content-type"},
      {"no digest", Set({Type(), Ours()}), "expected message-digest"},
      {"a digest twice", Set({Type(), Digest(), Digest(), Ours()}),
       "expected signing-certificate-v2"},
      {"a short digest", Set({Type(), Digest(20), Ours()}), "message-digest has another length"},
      {"two values",
       Set({Type(),
            Attribute(oid::kMessageDigest, Join({Wrap(der::kOctetString, Bytes(32, 1)),
                                                 Wrap(der::kOctetString, Bytes(32, 2))})),
            Ours()}),
       "not the attributes"},
      {"no certificate", Set({Type(), Digest()}), "not the attributes"},
      {"another certificate", Set({Type(), Digest(), Signing(Identifier(other))}),
       "names another certificate"},
      {"two certificates",
       Set({Type(), Digest(), Signing(Join({Identifier(kCertificate), Identifier(other)}))}),
       "not the attributes"},
      {"issuerSerial",
       Set({Type(), Digest(), Signing(Identifier(kCertificate, Wrap(der::kSequence, {})))}),
       "not the attributes"},
      {"signingTime too", Set({Type(), signing_time, Digest(), Ours()}), "expected message-digest"},
      {"signingTime behind", Set({Type(), Digest(), Ours(), signing_time}), "not the attributes"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = hsm::CheckTimestampAttributes(c.bytes, kCertificate);
    CHECK_EQ(got.has_value(), c.why == nullptr);
    if (!got && c.why != nullptr) {
      CHECK(got.error().Is(hsm::kSignerRefused));
      CHECK_MESSAGE(got.error().detail.find(c.why) != std::string::npos, got.error().detail);
    }
  }
}

TEST_CASE("Every prefix and every changed octet but those of the digest is refused") {
  const Bytes good = Set({Type(), Digest(), Ours()});
  const Bytes digest(32, 7);
  const auto at =
      std::search(good.begin(), good.end(), digest.begin(), digest.end()) - good.begin();
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(hsm::CheckTimestampAttributes(BytesView(good).first(size), kCertificate));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    Bytes changed = good;
    changed[i] ^= 0x01;
    const bool of_digest =
        i >= static_cast<std::size_t>(at) && i < static_cast<std::size_t>(at) + 32;
    CHECK_EQ(hsm::CheckTimestampAttributes(changed, kCertificate).has_value(), of_digest);
  }
}
