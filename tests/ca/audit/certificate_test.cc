#include "ca/audit/certificate.h"

#include <doctest/doctest.h>

#include <functional>

#include "schema/base/der.h"

namespace {

using ca::audit::Difference;
using ca::audit::kPoisonOid;
using ca::audit::kSctListOid;
using schema::Bytes;
using schema::der::Writer;

// A TBS whose parts a case may change.
struct Parts {
  Bytes serial = {0x11, 0x22};
  std::string issuer = "CA", subject = "", key_id = "k";
  std::string extra_oid;  // appended with content 05 00
  std::uint8_t version = 2;
  int seconds = 1000;
};

void Name(Writer& out, std::string_view text) {
  const auto name = out.Begin(schema::der::kSequence);
  if (!text.empty()) {
    const auto rdn = out.Begin(schema::der::kSet);
    const auto attribute = out.Begin(schema::der::kSequence);
    out.Oid(schema::der::OidContent("2.5.4.3"));
    out.Utf8(text);
    out.End(attribute);
    out.End(rdn);
  }
  out.End(name);
}

void AddExtension(Writer& out, std::string_view oid, schema::BytesView value) {
  const auto extension = out.Begin(schema::der::kSequence);
  out.Oid(schema::der::OidContent(oid));
  out.Value(schema::der::kOctetString, value);
  out.End(extension);
}

void Algorithm(Writer& out) {
  const auto algorithm = out.Begin(schema::der::kSequence);
  out.Oid(schema::der::OidContent("1.2.840.10045.4.3.2"));
  out.End(algorithm);
}

Bytes Tbs(const Parts& parts) {
  Writer out;
  const auto tbs = out.Begin(schema::der::kSequence);
  const auto version = out.Begin(schema::der::ContextConstructed(0));
  out.SmallInteger(parts.version);
  out.End(version);
  out.UnsignedInteger(parts.serial);
  Algorithm(out);
  Name(out, parts.issuer);
  const auto validity = out.Begin(schema::der::kSequence);
  out.Time(schema::Time(std::chrono::seconds(parts.seconds)));
  out.Time(schema::Time(std::chrono::seconds(parts.seconds + 600)));
  out.End(validity);
  Name(out, parts.subject);
  const auto spki = out.Begin(schema::der::kSequence);
  Algorithm(out);
  out.BitString(Bytes{4, 5, 6});
  out.End(spki);
  const auto wrapped = out.Begin(schema::der::ContextConstructed(3));
  const auto extensions = out.Begin(schema::der::kSequence);
  AddExtension(out, "2.5.29.35", schema::AsBytes(parts.key_id));
  AddExtension(out, "2.5.29.17", schema::AsBytes("san"));
  if (!parts.extra_oid.empty()) AddExtension(out, parts.extra_oid, Bytes{5, 0});
  out.End(extensions);
  out.End(wrapped);
  out.End(tbs);
  return std::move(out).Take();
}

Bytes Certificate(const Bytes& tbs) {
  Writer out;
  const auto certificate = out.Begin(schema::der::kSequence);
  out.Raw(tbs);
  Algorithm(out);
  out.BitString(Bytes{7, 8, 9});
  out.End(certificate);
  return std::move(out).Take();
}

TEST_CASE("a certificate is cut into what it was made of") {
  const Bytes tbs = Tbs({});
  const Bytes der = Certificate(tbs);
  const auto certificate = ca::audit::ReadCertificate(der);
  REQUIRE(certificate);
  CHECK(schema::Equal(certificate->tbs_der, tbs));
  CHECK(schema::Equal(certificate->signature.view(), Bytes{7, 8, 9}));
  CHECK(schema::Equal(certificate->tbs.serial, Bytes{0x11, 0x22}));
  CHECK_EQ(certificate->tbs.not_before, schema::Time(std::chrono::seconds(1000)));
  CHECK_EQ(certificate->tbs.not_after, schema::Time(std::chrono::seconds(1600)));
  REQUIRE_EQ(certificate->tbs.extensions.size(), 2);
  const ca::audit::Extension* san = certificate->tbs.Find("2.5.29.17");
  REQUIRE(san != nullptr);
  CHECK_EQ(schema::AsText(san->value), "san");
  CHECK(certificate->tbs.Find("2.5.29.19") == nullptr);
}

TEST_CASE("no prefix of a certificate is one, nor one with an octet more") {
  Bytes der = Certificate(Tbs({}));
  for (std::size_t size = 0; size < der.size(); ++size) {
    CAPTURE(size);
    const auto read = ca::audit::ReadCertificate(schema::BytesView(der).first(size));
    REQUIRE_FALSE(read);
    CHECK(read.error().Is(ca::audit::kBadCertificate));
  }
  der.push_back(0);
  CHECK_FALSE(ca::audit::ReadCertificate(der));
}

TEST_CASE("another version is no certificate of this CA") {
  CHECK_FALSE(ca::audit::ReadTbs(Tbs({.version = 1})));
}

TEST_CASE("where a certificate is not the TBS of its entry") {
  const struct {
    const char* name;
    Parts parts;
    std::string_view dropped;
    bool another_issuer;
    std::string_view part;  // empty: it is
  } kCases[] = {
      {"precertificate", {.extra_oid = std::string(kPoisonOid)}, kPoisonOid, false, ""},
      {"certificate", {.extra_oid = std::string(kSctListOid)}, kSctListOid, false, ""},
      {"nothing to leave out", {}, kPoisonOid, false, "extensions"},
      {"the other one", {.extra_oid = std::string(kSctListOid)}, kPoisonOid, false, "extensions"},
      {"an extension more", {.extra_oid = "2.5.29.19"}, kPoisonOid, false, "extensions"},
      {"serial",
       {.serial = {0x11, 0x23}, .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       false,
       "serialNumber"},
      {"time",
       {.extra_oid = std::string(kPoisonOid), .seconds = 1001},
       kPoisonOid,
       false,
       "validity"},
      {"subject",
       {.subject = "x", .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       false,
       "subject"},
      {"issuer",
       {.issuer = "B", .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       false,
       "issuer"},
      {"key id",
       {.key_id = "q", .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       false,
       "extensions"},
      {"both of a signer of its own",
       {.issuer = "B", .key_id = "q", .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       true,
       ""},
      {"a signer of its own, and the subject",
       {.issuer = "B", .subject = "x", .key_id = "q", .extra_oid = std::string(kPoisonOid)},
       kPoisonOid,
       true,
       "subject"},
  };
  const Bytes entry_der = Tbs({});
  const auto entry = ca::audit::ReadTbs(entry_der);
  REQUIRE(entry);
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const Bytes der = Tbs(c.parts);
    const auto tbs = ca::audit::ReadTbs(der);
    REQUIRE(tbs);
    CHECK_EQ(Difference(*entry, *tbs, c.dropped, c.another_issuer).value_or(""), c.part);
  }
}

}  // namespace
