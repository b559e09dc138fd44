// What a signer takes for the attributes of a timestamp: one shape, and every step away from it.
#include <doctest/doctest.h>

#include <algorithm>

#include "hsm/guard_timestamp.h"
#include "schema/base/der.h"
#include "schema/cms_oids.h"
#include "tests/hsm/stamp.h"

namespace {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::Hash kCertificate = schema::Sha256(schema::AsBytes("a certificate"));

using tests::Join;
using tests::Wrap;

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

TEST_CASE("CheckTimestamp") {
  const schema::Time now = tests::kGuardNow;
  const hsm::TimestampGuard guard{
      kCertificate, {}, der::OidContent("2.999.1"), std::chrono::seconds(1)};
  using tests::StampSpec;
  struct Case {
    const char* name;
    void (*change)(StampSpec&, schema::Time);
    const char* why;  // null: allowed
  };
  const Case cases[] = {
      {"as it should be", [](StampSpec&, schema::Time) {}, nullptr},
      {"with a nonce",
       [](StampSpec& s, schema::Time) { s.rest = Wrap(der::kInteger, Bytes(8, 0x11)); }, nullptr},
      {"SHA-384", [](StampSpec& s, schema::Time) { s.imprint = tests::Imprint(oid::kSha384, 48); },
       nullptr},
      {"SHA-512", [](StampSpec& s, schema::Time) { s.imprint = tests::Imprint(oid::kSha512, 64); },
       nullptr},
      {"SHA-1",
       [](StampSpec& s, schema::Time) {
         s.imprint = tests::Imprint(der::OidContent("1.3.14.3.2.26"), 20);
       },
       "the imprint's hash is 1.3.14.3.2.26"},
      {"a short digest",
       [](StampSpec& s, schema::Time) { s.imprint = tests::Imprint(oid::kSha512, 32); },
       "not as long as its hash"},
      {"another version",
       [](StampSpec& s, schema::Time) { s.version = Wrap(der::kInteger, Bytes{2}); },
       "version is another"},
      {"another policy",
       [](StampSpec& s, schema::Time) { s.policy = Wrap(der::kOid, der::OidContent("2.999.2")); },
       "policy is 2.999.2"},
      {"serial number zero",
       [](StampSpec& s, schema::Time) { s.serial = Wrap(der::kInteger, Bytes{0}); },
       "serialNumber is zero"},
      {"a negative serial number",
       [](StampSpec& s, schema::Time) { s.serial = Wrap(der::kInteger, Bytes{0x80}); },
       "INTEGER negative"},
      {"a long serial number",
       [](StampSpec& s, schema::Time) { s.serial = Wrap(der::kInteger, Bytes(21, 0x41)); },
       "serialNumber is zero or too long"},
      {"two seconds ahead",
       [](StampSpec& s, schema::Time t) { s.time = tests::GenTime(t + hsm::kStampAhead); },
       nullptr},
      {"three seconds ahead",
       [](StampSpec& s, schema::Time t) {
         s.time = tests::GenTime(t + hsm::kStampAhead + std::chrono::seconds(1));
       },
       "genTime is"},
      {"half a minute old",
       [](StampSpec& s, schema::Time t) { s.time = tests::GenTime(t - hsm::kStampBehind); },
       nullptr},
      {"older",
       [](StampSpec& s, schema::Time t) {
         s.time = tests::GenTime(t - hsm::kStampBehind - std::chrono::seconds(1));
       },
       "genTime is"},
      {"a fraction of a second",
       [](StampSpec& s, schema::Time) {
         s.time = Wrap(der::kGeneralizedTime, tests::Text("20261121100000.5Z"));
       },
       "not to the second"},
      {"no time at all",
       [](StampSpec& s, schema::Time) {
         s.time = Wrap(der::kGeneralizedTime, tests::Text("20261321100000Z"));
       },
       "genTime is no time"},
      {"another accuracy",
       [](StampSpec& s, schema::Time) {
         s.accuracy = Wrap(der::kSequence, Wrap(der::kInteger, Bytes{2}));
       },
       "accuracy is another"},
      {"no accuracy", [](StampSpec& s, schema::Time) { s.accuracy.clear(); }, "not a timestamp"},
      {"ordering", [](StampSpec& s, schema::Time) { s.rest = Wrap(der::kBoolean, Bytes{0xff}); },
       "not a timestamp"},
      {"two nonces",
       [](StampSpec& s, schema::Time) {
         s.rest = Join({Wrap(der::kInteger, Bytes{1}), Wrap(der::kInteger, Bytes{1})});
       },
       "not a timestamp"},
      {"an extension",
       [](StampSpec& s, schema::Time) { s.rest = Wrap(der::ContextConstructed(1), Bytes{}); },
       "not a timestamp"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    StampSpec spec = tests::SampleStamp(guard, now);
    c.change(spec, now);
    const auto got = hsm::CheckTimestamp(guard, tests::Stamp(spec, kCertificate), now);
    CHECK_EQ(got.has_value(), c.why == nullptr);
    if (!got && c.why != nullptr) {
      CHECK(got.error().Is(hsm::kSignerRefused));
      CHECK_MESSAGE(got.error().detail.find(c.why) != std::string::npos, got.error().detail);
    }
  }
}

TEST_CASE("TSTInfo and attributes go together, and nothing with them") {
  const schema::Time now = tests::kGuardNow;
  const hsm::TimestampGuard guard{
      kCertificate, {}, der::OidContent("2.999.1"), std::chrono::seconds(1)};
  tests::StampSpec spec = tests::SampleStamp(guard, now);
  const Bytes info = tests::TstInfo(spec);
  const Bytes attributes = tests::AttributesOver(info, kCertificate);
  spec.serial = Wrap(der::kInteger, Bytes{7});
  const Bytes other = tests::TstInfo(spec);

  const Bytes good = Join({info, attributes});
  REQUIRE(hsm::CheckTimestamp(guard, good, now));
  CHECK(schema::Equal(hsm::AttributesOfTimestamp(good), attributes));
  for (const Bytes& bad :
       {info, attributes, Join({attributes, info}), Join({other, attributes}), Join({good, info}),
        Join({good, Bytes{0}}), Join({info, tests::AttributesOver(info, schema::Hash{})})}) {
    CHECK_FALSE(hsm::CheckTimestamp(guard, bad, now));
  }
  // No octet of it is free but those of serial number, imprint, digest and genTime's seconds, all
  // of which the digest covers.
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    Bytes changed = good;
    changed[i] ^= 0x01;
    CHECK_FALSE(hsm::CheckTimestamp(guard, changed, now));
  }
}
