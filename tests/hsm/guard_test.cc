// What the guard lets through, and that each rule of guard.h refuses for its own reason.
#include "hsm/guard.h"

#include <doctest/doctest.h>

#include <functional>

#include "schema/base/der.h"
#include "schema/extensions.h"
#include "schema/log/checkpoint.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"
#include "tests/hsm/tbs.h"

namespace {

using hsm::Purpose;
using schema::Bytes;
using tests::TbsSpec;
using namespace std::chrono_literals;
namespace der = schema::der;
namespace oid = schema::oid;

const hsm::GuardSettings kSettings = tests::SampleSettings();

// "" when allowed, else the detail.
std::string Verdict(Purpose purpose, schema::BytesView bytes) {
  const auto got = hsm::Allow(kSettings, purpose, bytes, tests::kGuardNow);
  if (got) return "";
  CHECK(got.error().Is(hsm::kSignerRefused));
  return got.error().detail;
}

struct Case {
  const char* name;
  const char* want;  // in the detail; empty: allowed
  std::function<void(TbsSpec&)> change;
};

Bytes Email(std::string_view text) {
  return tests::Wrap(der::ContextPrimitive(1), tests::Text(text));
}
Bytes Uri(std::string_view text) {
  return tests::Wrap(der::ContextPrimitive(6), tests::Text(text));
}
Bytes OtherName(std::string_view kind, const Bytes& value) {
  return tests::Wrap(der::ContextConstructed(0),
                     tests::Join({tests::Wrap(der::kOid, der::OidContent(kind)),
                                  tests::Wrap(der::ContextConstructed(0), value)}));
}
Bytes Utf8(std::string_view text) { return tests::Wrap(der::kUtf8String, tests::Text(text)); }
constexpr const char* kUsername = "1.3.6.1.4.1.57264.1.7";

const Case kShared[] = {
    {"as it should be", "", [](TbsSpec&) {}},
    {"email", "", [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({Email("a@b.test")}); }},
    {"otherName", "",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({OtherName(kUsername, Utf8("ä!b"))});
     }},
    {"no Fulcio arcs at all", "",
     [](TbsSpec& t) {
       t.extensions.erase(t.extensions.begin() + tests::kArc1, t.extensions.begin() + tests::kEnd);
     }},
    {"version 1", "version",
     [](TbsSpec& t) {
       t.version = {0x02, 0x01, 0x00};
     }},
    {"version twice", "version",
     [](TbsSpec& t) { t.version = {0x02, 0x01, 0x02, 0x02, 0x01, 0x02}; }},
    {"serial zero", "serial number is zero", [](TbsSpec& t) { t.serial = {0x00}; }},
    {"serial negative", "not DER", [](TbsSpec& t) { t.serial = {0x80}; }},
    {"serial padded", "not DER",
     [](TbsSpec& t) {
       t.serial = {0x00, 0x01};
     }},
    {"serial empty", "not DER", [](TbsSpec& t) { t.serial = {}; }},
    {"serial of 21 octets", "serial number is too long",
     [](TbsSpec& t) { t.serial = Bytes(21, 0x01); }},
    {"serial of 20 octets and a sign octet", "serial number is too long",
     [](TbsSpec& t) {
       t.serial = Bytes(21, 0xff);
       t.serial[0] = 0x00;
     }},
    {"ecdsa-with-SHA384", "signature algorithm",
     [](TbsSpec& t) {
       t.algorithm = tests::Wrap(der::kSequence, tests::Wrap(der::kOid, oid::kEcdsaSha384));
     }},
    {"algorithm with NULL", "signature algorithm",
     [](TbsSpec& t) {
       t.algorithm = tests::Wrap(
           der::kSequence, tests::Join({tests::Wrap(der::kOid, oid::kEcdsaSha256), {0x05, 0x00}}));
     }},
    {"another issuer", "issuer is not the CA",
     [](TbsSpec& t) { t.issuer = tests::Wrap(der::kSequence, {}); }},
    {"issuer in another string type", "issuer is not the CA",
     [](TbsSpec& t) {
       for (auto& octet : t.issuer) {
         if (octet == der::kUtf8String) octet = der::kPrintableString;
       }
     }},
    {"subject not empty", "subject is not empty", [](TbsSpec& t) { t.subject = t.issuer; }},
    {"subject a SET", "not DER",
     [](TbsSpec& t) {
       t.subject = {0x31, 0x00};
     }},
    {"begins in 301 s", "future",
     [](TbsSpec& t) {
       t.not_before = tests::kGuardNow + 301s;
       t.not_after = t.not_before + 60s;
     }},
    {"begins in 300 s", "",
     [](TbsSpec& t) {
       t.not_before = tests::kGuardNow + 300s;
       t.not_after = t.not_before + 60s;
     }},
    {"ends as it begins", "ends before", [](TbsSpec& t) { t.not_after = t.not_before; }},
    {"ends before it begins", "ends before", [](TbsSpec& t) { t.not_after = t.not_before - 1s; }},
    {"key of an unknown algorithm", "subject key: algorithm",
     [](TbsSpec& t) {
       t.spki = tests::Wrap(
           der::kSequence,
           tests::Join({tests::Wrap(der::kSequence,
                                    tests::Wrap(der::kOid, der::OidContent("1.2.840.10040.4.1"))),
                        {0x03, 0x02, 0x00, 0x01}}));
     }},
    {"key on another curve", "subject key: curve", [](TbsSpec& t) { t.spki[22] = 0x01; }},
    {"compressed point", "subject key: point", [](TbsSpec& t) { t.spki[26] = 0x02; }},
    {"Ed25519 key", "",
     [](TbsSpec& t) {
       t.spki = tests::Wrap(
           der::kSequence,
           tests::Join({tests::Wrap(der::kSequence, tests::Wrap(der::kOid, oid::kEd25519)),
                        tests::Wrap(der::kBitString, Bytes(33, 0))}));
     }},
    {"no key", "not DER",
     [](TbsSpec& t) {
       t.spki = {0x30, 0x00};
     }},
    {"key of a trailing octet", "not DER",
     [](TbsSpec& t) {
       t.spki = tests::Wrap(der::kSequence,
                            tests::Join({Bytes(t.spki.begin() + 2, t.spki.end()), {0x05, 0x00}}));
     }},
    {"issuerUniqueID", "not DER",
     [](TbsSpec& t) {
       t.before_extensions = {0x81, 0x02, 0x00, 0x01};
     }},
    {"field after the extensions", "not DER",
     [](TbsSpec& t) {
       t.after_extensions = {0x05, 0x00};
     }},
    {"keyCertSign", "keyUsage is not digitalSignature alone",
     [](TbsSpec& t) {
       t.extensions[tests::kUsage] =
           tests::Extension(oid::kKeyUsage, true, Bytes{0x03, 0x02, 0x02, 0x84});
     }},
    {"keyUsage not critical", "keyUsage: criticality",
     [](TbsSpec& t) {
       t.extensions[tests::kUsage] =
           tests::Extension(oid::kKeyUsage, false, Bytes{0x03, 0x02, 0x07, 0x80});
     }},
    {"no keyUsage", "expected keyUsage",
     [](TbsSpec& t) { t.extensions.erase(t.extensions.begin()); }},
    {"keyUsage twice", "expected extKeyUsage",
     [](TbsSpec& t) { t.extensions.insert(t.extensions.begin(), t.extensions[tests::kUsage]); }},
    {"serverAuth too", "extKeyUsage is not codeSigning alone",
     [](TbsSpec& t) {
       t.extensions[tests::kPurposes] = tests::Extension(
           oid::kExtendedKeyUsage, false,
           tests::Wrap(
               der::kSequence,
               tests::Join({tests::Wrap(der::kOid, oid::kCodeSigning),
                            tests::Wrap(der::kOid, der::OidContent("1.3.6.1.5.5.7.3.1"))})));
     }},
    {"serverAuth alone", "extKeyUsage is not codeSigning alone",
     [](TbsSpec& t) {
       t.extensions[tests::kPurposes] = tests::Extension(
           oid::kExtendedKeyUsage, false,
           tests::Wrap(der::kSequence,
                       tests::Wrap(der::kOid, der::OidContent("1.3.6.1.5.5.7.3.1"))));
     }},
    {"no purpose", "not DER",
     [](TbsSpec& t) {
       t.extensions[tests::kPurposes] =
           tests::Extension(oid::kExtendedKeyUsage, false, Bytes{0x30, 0x00});
     }},
    {"empty subjectKeyIdentifier", "subjectKeyIdentifier is empty",
     [](TbsSpec& t) {
       t.extensions[tests::kSki] = tests::Extension(oid::kSubjectKeyId, false, Bytes{0x04, 0x00});
     }},
    {"another authorityKeyIdentifier", "authorityKeyIdentifier is not the CA's",
     [](TbsSpec& t) {
       t.extensions[tests::kAki] =
           tests::Extension(oid::kAuthorityKeyId, false, Bytes{0x30, 0x03, 0x80, 0x01, 0x07});
     }},
    {"authorityKeyIdentifier of no key", "not DER",
     [](TbsSpec& t) {
       t.extensions[tests::kAki] = tests::Extension(oid::kAuthorityKeyId, false, Bytes{0x30, 0x00});
     }},
    {"SKI and AKI exchanged", "expected subjectKeyIdentifier",
     [](TbsSpec& t) { std::swap(t.extensions[tests::kSki], t.extensions[tests::kAki]); }},
    {"SAN not critical", "subjectAltName: criticality",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::Extension(oid::kSubjectAltName, false,
                                                    tests::Wrap(der::kSequence, Uri("https://a")));
     }},
    {"no SAN", "expected subjectAltName",
     [](TbsSpec& t) { t.extensions.erase(t.extensions.begin() + tests::kSan); }},
    {"two names", "more than one name",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({Uri("https://a"), Email("a@b")});
     }},
    {"no name", "not DER", [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({}); }},
    {"DNS name", "subjectAltName is of another kind",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] =
           tests::San({tests::Wrap(der::ContextPrimitive(2), tests::Text("a.test"))});
     }},
    {"IP address", "subjectAltName is of another kind",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({{0x87, 0x04, 127, 0, 0, 1}});
     }},
    {"empty URI", "visible ASCII",
     [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({Uri("")}); }},
    {"URI with a newline", "visible ASCII",
     [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({Uri("https://a\nb")}); }},
    {"URI with a NUL", "visible ASCII",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({Uri(std::string_view("https://a\0b", 11))});
     }},
    {"e-mail in UTF-8", "visible ASCII",
     [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({Email("ä@b")}); }},
    {"otherName of another kind", "other kind",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] =
           tests::San({OtherName("1.3.6.1.4.1.311.20.2.3", Utf8("admin@corp"))});
     }},
    {"otherName empty", "subjectAltName is empty",
     [](TbsSpec& t) { t.extensions[tests::kSan] = tests::San({OtherName(kUsername, Utf8(""))}); }},
    {"otherName not UTF-8", "not UTF-8",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({OtherName(kUsername, Utf8("\xff"))});
     }},
    {"otherName an IA5String", "not DER",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({OtherName(kUsername, {0x16, 0x01, 'a'})});
     }},
    {"unknown arc", "Fulcio arc is not known",
     [](TbsSpec& t) {
       t.extensions[tests::kArc8] =
           tests::Extension("1.3.6.1.4.1.57264.1.99", false, {0x0c, 0x01, 'a'});
     }},
    {"arc 7", "Fulcio arc is not known",
     [](TbsSpec& t) {
       t.extensions[tests::kArc8] =
           tests::Extension("1.3.6.1.4.1.57264.1.7", false, {0x0c, 0x01, 'a'});
     }},
    {"arcs out of order", "ascending order",
     [](TbsSpec& t) { std::swap(t.extensions[tests::kArc1], t.extensions[tests::kArc8]); }},
    {"arc twice", "ascending order",
     [](TbsSpec& t) {
       t.extensions.insert(t.extensions.begin() + tests::kArc8, t.extensions[tests::kArc8]);
     }},
    {"arc critical", "Fulcio arc is critical",
     [](TbsSpec& t) {
       t.extensions[tests::kArc8] =
           tests::Extension("1.3.6.1.4.1.57264.1.8", true, {0x0c, 0x01, 'a'});
     }},
    {"arc 8 raw", "not DER",
     [](TbsSpec& t) {
       t.extensions[tests::kArc8] = tests::Extension("1.3.6.1.4.1.57264.1.8", false, {'a', 'b'});
     }},
    {"arc 8 not UTF-8", "not UTF-8",
     [](TbsSpec& t) {
       t.extensions[tests::kArc8] =
           tests::Extension("1.3.6.1.4.1.57264.1.8", false, {0x0c, 0x01, 0xff});
     }},
    {"arc 1 empty", "Fulcio arc is empty",
     [](TbsSpec& t) {
       t.extensions[tests::kArc1] = tests::Extension("1.3.6.1.4.1.57264.1.1", false, {});
     }},
    {"CA", "expected keyUsage, found 2.5.29.19",
     [](TbsSpec& t) { t = tests::CaTbs(kSettings, tests::kGuardNow); }},
    {"basicConstraints among the arcs", "not in the profile",
     [](TbsSpec& t) {
       t.extensions.insert(t.extensions.begin() + tests::kArc1,
                           tests::Extension("2.5.29.19", true, {0x30, 0x03, 0x01, 0x01, 0xff}));
     }},
    {"basicConstraints at the end", "",  // the want is set below: it differs by purpose
     [](TbsSpec& t) {
       t.extensions.push_back(tests::Extension("2.5.29.19", false, {0x30, 0x00}));
     }},
    {"critical FALSE is written", "critical FALSE",
     [](TbsSpec& t) {
       t.extensions[tests::kPurposes] = tests::Wrap(
           der::kSequence,
           tests::Join({tests::Wrap(der::kOid, oid::kExtendedKeyUsage),
                        {0x01, 0x01, 0x00},
                        tests::Wrap(der::kOctetString,
                                    tests::Wrap(der::kSequence,
                                                tests::Wrap(der::kOid, oid::kCodeSigning)))}));
     }},
    {"no extensions", "not DER", [](TbsSpec& t) { t.extensions.clear(); }},
    {"too large", "too large",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] = tests::San({Uri(std::string(33 * 1024, 'a'))});
     }},
};

Bytes LeafOf(const Bytes& tbs) {
  return schema::EncodeLeaf(tests::kGuardNow, 7, schema::Sha256(kSettings.issuing_key.view()), tbs)
      .bytes();
}

TEST_CASE(
    "a precertificate signer's own name and key id stand in precertificates, and nowhere else") {
  const hsm::GuardSettings settings = tests::DelegatedSettings();
  const auto verdict = [&settings](Purpose purpose, const TbsSpec& spec) -> std::string {
    Bytes bytes = tests::Build(spec);
    if (purpose == Purpose::kSct) bytes = LeafOf(bytes);
    const auto got = hsm::Allow(settings, purpose, bytes, tests::kGuardNow);
    return got ? "" : got.error().detail;
  };
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate, Purpose::kSct}) {
    CAPTURE(static_cast<int>(purpose));
    const bool delegated = purpose == Purpose::kPrecertificate;
    const TbsSpec good = tests::SampleTbs(settings, purpose, tests::kGuardNow);
    CHECK_EQ(verdict(purpose, good), "");
    // Those of the other: both, and each alone.
    TbsSpec other = tests::SampleTbs(kSettings, Purpose::kPrecertificate, tests::kGuardNow);
    if (!delegated) {
      other = tests::SampleTbs(settings, Purpose::kPrecertificate, tests::kGuardNow);
    }
    TbsSpec bad = good;
    bad.issuer = other.issuer;
    CHECK_EQ(verdict(purpose, bad), "issuer is not the CA");
    bad.extensions[tests::kAki] = other.extensions[tests::kAki];
    CHECK_EQ(verdict(purpose, bad), "issuer is not the CA");
    bad.issuer = good.issuer;
    CHECK_EQ(verdict(purpose, bad), "authorityKeyIdentifier is not the CA's");
  }
  // Without such a certificate the guard knows the CA alone.
  CHECK_EQ(
      Verdict(Purpose::kPrecertificate,
              tests::Build(tests::SampleTbs(settings, Purpose::kPrecertificate, tests::kGuardNow))),
      "issuer is not the CA");
}

TEST_CASE("rules that certificates, precertificates and leaves share") {
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate, Purpose::kSct}) {
    for (const Case& c : kShared) {
      CAPTURE(c.name);
      CAPTURE(static_cast<int>(purpose));
      TbsSpec spec = tests::SampleTbs(kSettings, purpose, tests::kGuardNow);
      c.change(spec);
      Bytes bytes = tests::Build(spec);
      if (purpose == Purpose::kSct) bytes = LeafOf(bytes);
      const std::string got = Verdict(purpose, bytes);
      const bool at_the_end = std::string_view(c.name) == "basicConstraints at the end";
      if (c.want[0] == '\0' && !at_the_end) {
        CHECK_EQ(got, "");
      } else {
        CHECK_NE(got, "");
        CHECK_NE(got.find(c.want), std::string::npos);
        CAPTURE(got);
      }
    }
  }
}

TEST_CASE("the end of a certificate is one SCT list, that of a precertificate the poison") {
  const auto at = [](Purpose purpose, const std::function<void(TbsSpec&)>& change) {
    TbsSpec spec = tests::SampleTbs(kSettings, purpose, tests::kGuardNow);
    change(spec);
    return Verdict(purpose, tests::Build(spec));
  };
  const auto drop = [](TbsSpec& t) { t.extensions.pop_back(); };
  CHECK_EQ(at(Purpose::kCertificate, drop), "the SCT list or the poison is missing");
  CHECK_EQ(at(Purpose::kPrecertificate, drop), "the SCT list or the poison is missing");
  const auto both = [](TbsSpec& t) {
    t.extensions.insert(t.extensions.begin() + tests::kEnd, tests::PoisonExtension());
  };
  CHECK_EQ(at(Purpose::kCertificate, both), "an extension that is not in the profile");
  const auto poison = [](TbsSpec& t) { t.extensions[tests::kEnd] = tests::PoisonExtension(); };
  CHECK_EQ(at(Purpose::kCertificate, poison), "an extension that is not in the profile");
  const auto scts = [](TbsSpec& t) { t.extensions[tests::kEnd] = tests::SctListExtension(); };
  CHECK_EQ(at(Purpose::kPrecertificate, scts), "an extension that is not in the profile");
  const auto add = [](TbsSpec& t) { t.extensions.push_back(tests::SctListExtension()); };
  CHECK_NE(at(Purpose::kSct, add), "");
  const auto twice = [](TbsSpec& t) { t.extensions.push_back(t.extensions.back()); };
  CHECK_EQ(at(Purpose::kCertificate, twice), "extensions after the last");
  CHECK_EQ(at(Purpose::kPrecertificate, twice), "extensions after the last");
  const auto mild = [](TbsSpec& t) {
    t.extensions[tests::kEnd] = tests::Extension(oid::kPoison, false, Bytes{0x05, 0x00});
  };
  CHECK_EQ(at(Purpose::kPrecertificate, mild), "poison is malformed");
  const auto empty = [](TbsSpec& t) {
    t.extensions[tests::kEnd] =
        tests::Extension(oid::kSctList, false, Bytes{0x04, 0x02, 0x00, 0x00});
  };
  CHECK_EQ(at(Purpose::kCertificate, empty), "SCT list is not one SCT");
}

TEST_CASE("time: a certificate may not be over, a precertificate may be made up later") {
  const auto verdict = [](Purpose purpose, std::chrono::seconds begin,
                          std::chrono::seconds length) {
    TbsSpec spec = tests::SampleTbs(kSettings, purpose, tests::kGuardNow);
    spec.not_before = tests::kGuardNow + begin;
    spec.not_after = spec.not_before + length;
    const Bytes tbs = tests::Build(spec);
    return Verdict(purpose, purpose == Purpose::kSct ? LeafOf(tbs) : tbs);
  };
  CHECK_EQ(verdict(Purpose::kCertificate, 0s, 630s), "");
  CHECK_EQ(verdict(Purpose::kCertificate, 0s, 631s), "validity is too long");
  CHECK_EQ(verdict(Purpose::kCertificate, -629s, 630s), "");
  CHECK_EQ(verdict(Purpose::kCertificate, -630s, 630s), "validity is over");
  for (const Purpose purpose : {Purpose::kPrecertificate, Purpose::kSct}) {
    CHECK_EQ(verdict(purpose, -24h * 30, 630s), "");
    CHECK_EQ(verdict(purpose, 0s, 24h + 5min), "");
    CHECK_EQ(verdict(purpose, 0s, 24h + 5min + 1s), "validity is too long");
  }
}

TEST_CASE("DER only") {
  const Bytes good =
      tests::Build(tests::SampleTbs(kSettings, Purpose::kCertificate, tests::kGuardNow));
  REQUIRE_EQ(Verdict(Purpose::kCertificate, good), "");
  CHECK_NE(Verdict(Purpose::kCertificate, {}), "");
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_NE(Verdict(Purpose::kCertificate, schema::BytesView(good).first(size)), "");
  }
  Bytes longer = good;
  longer.push_back(0);
  CHECK_NE(Verdict(Purpose::kCertificate, longer), "");
  // BER's longer length form (X.690 10.1).
  Bytes ber = good;
  REQUIRE_EQ(ber[1], 0x82);
  ber[1] = 0x83;
  ber.insert(ber.begin() + 2, 0x00);
  CHECK_NE(Verdict(Purpose::kCertificate, ber), "");
}

TEST_CASE("leaves, tree heads, notes and probes") {
  const Bytes tbs = tests::Build(tests::SampleTbs(kSettings, Purpose::kSct, tests::kGuardNow));
  CHECK_EQ(Verdict(Purpose::kSct, LeafOf(tbs)), "");
  CHECK_EQ(
      Verdict(Purpose::kSct, schema::EncodeLeaf(tests::kGuardNow, 7, schema::Hash{}, tbs).view()),
      "leaf of another issuer key");
  CHECK_NE(Verdict(Purpose::kSct, tbs), "");

  const Bytes head = schema::TreeHeadInput(tests::kGuardNow, 9, schema::Hash{});
  CHECK_EQ(Verdict(Purpose::kTreeHead, head), "");
  CHECK_NE(Verdict(Purpose::kTreeHead, schema::BytesView(head).first(head.size() - 1)), "");
  CHECK_NE(Verdict(Purpose::kTreeHead, LeafOf(tbs)), "");
  CHECK_NE(Verdict(Purpose::kSct, head), "");

  const std::string note = schema::CheckpointText("ca.test/certificates", 9, schema::Hash{});
  CHECK_EQ(Verdict(Purpose::kCertificatesNote, schema::AsBytes(note)), "");
  CHECK_EQ(Verdict(Purpose::kEventsNote, schema::AsBytes(note)), "checkpoint of another origin");
  CHECK_EQ(Verdict(Purpose::kEventsNote,
                   schema::AsBytes(schema::CheckpointText("ca.test/events", 9, schema::Hash{}))),
           "");
  CHECK_NE(Verdict(Purpose::kCertificatesNote, schema::AsBytes(note + "extension\n")), "");

  const std::string probe(hsm::kProbePrefix);
  CHECK_EQ(Verdict(Purpose::kProbe, schema::AsBytes(probe)), "");
  CHECK_EQ(Verdict(Purpose::kProbe, schema::AsBytes(probe + std::string(64, 'x'))), "");
  CHECK_NE(Verdict(Purpose::kProbe, schema::AsBytes(probe + std::string(65, 'x'))), "");
  CHECK_NE(Verdict(Purpose::kProbe, schema::AsBytes(probe.substr(1))), "");
  CHECK_NE(Verdict(Purpose::kProbe, tbs), "");
  CHECK_EQ(Verdict(static_cast<Purpose>(0), schema::AsBytes(probe)), "no such purpose");
  CHECK_EQ(Verdict(static_cast<Purpose>(99), schema::AsBytes(probe)), "no such purpose");
}

TEST_CASE("nothing is allowed for two purposes") {
  const Bytes samples[] = {
      tests::Build(tests::SampleTbs(kSettings, Purpose::kCertificate, tests::kGuardNow)),
      tests::Build(tests::SampleTbs(kSettings, Purpose::kPrecertificate, tests::kGuardNow)),
      LeafOf(tests::Build(tests::SampleTbs(kSettings, Purpose::kSct, tests::kGuardNow))),
      schema::TreeHeadInput(tests::kGuardNow, 9, schema::Hash{}),
      tests::Text(schema::CheckpointText("ca.test/certificates", 9, schema::Hash{})),
      tests::Text(schema::CheckpointText("ca.test/events", 9, schema::Hash{})),
      tests::Text(hsm::kProbePrefix),
  };
  for (const Bytes& sample : samples) {
    int allowed = 0;
    for (int purpose = 1; purpose <= 7; ++purpose) {
      if (Verdict(static_cast<Purpose>(purpose), sample).empty()) ++allowed;
    }
    CHECK_EQ(allowed, 1);
  }
}

}  // namespace
