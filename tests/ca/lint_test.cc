// The lint, against certificates broken one rule at a time.
#include <doctest/doctest.h>

#include <functional>

#include "ca/linted.h"
#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/base/limits.h"
#include "schema/extensions.h"
#include "tests/ca/samples.h"

namespace {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

const ca::Chain& TheChain() {
  static const ca::Chain chain = support::TestCa().LoadChain();
  return chain;
}

struct RawExtension {
  Bytes oid;
  Bytes critical;  // the BOOLEAN, or nothing
  Bytes value;
};

// A TBS in pieces that can be changed and put together again.
struct Pieces {
  Bytes version, serial, algorithm, issuer, validity, subject, spki, unique_id, after;
  std::vector<RawExtension> extensions;
};

Bytes Element(der::Reader* reader) {
  auto element = reader->Any();
  MUST(element.has_value());
  return schema::ToBytes(element->whole);
}

Pieces Take(BytesView tbs) {
  der::Reader outer(tbs);
  auto fields = outer.Enter(der::kSequence);
  MUST(fields.has_value());
  Pieces out;
  for (Bytes* piece : {&out.version, &out.serial, &out.algorithm, &out.issuer, &out.validity,
                       &out.subject, &out.spki}) {
    *piece = Element(&*fields);
  }
  const auto parts = ca::CutTbs(tbs);
  MUST(parts.has_value());
  for (const ca::Extension& extension : parts->extensions) {
    out.extensions.push_back({schema::ToBytes(extension.oid),
                              extension.critical ? Bytes{1, 1, 0xff} : Bytes{},
                              schema::ToBytes(extension.value)});
  }
  return out;
}

Bytes Put(const Pieces& pieces) {
  der::Writer out;
  const auto tbs = out.Begin(der::kSequence);
  for (const Bytes* piece : {&pieces.version, &pieces.serial, &pieces.algorithm, &pieces.issuer,
                             &pieces.validity, &pieces.subject, &pieces.spki, &pieces.unique_id}) {
    out.Raw(*piece);
  }
  const auto wrapper = out.Begin(der::ContextConstructed(3));
  const auto list = out.Begin(der::kSequence);
  for (const RawExtension& extension : pieces.extensions) {
    const auto sequence = out.Begin(der::kSequence);
    out.Oid(extension.oid);
    out.Raw(extension.critical);
    out.Value(der::kOctetString, extension.value);
    out.End(sequence);
  }
  out.End(list);
  out.End(wrapper);
  out.Raw(pieces.after);
  out.End(tbs);
  return std::move(out).Take();
}

schema::TbsDer Good() {
  static const ca::SubjectKey key = samples::ProvenKey();
  auto tbs = ca::MakeTbs(TheChain(), samples::kSettings, samples::Github(), key, samples::kSerial,
                         support::kNow);
  MUST(tbs.has_value());
  return *std::move(tbs);
}

Bytes Validity(schema::Time from, schema::Time to) {
  der::Writer out;
  const auto mark = out.Begin(der::kSequence);
  out.Time(from);
  out.Time(to);
  out.End(mark);
  return std::move(out).Take();
}

Bytes Value(std::uint8_t tag, BytesView content) {
  der::Writer out;
  out.Value(tag, content);
  return std::move(out).Take();
}

Bytes Text(std::string_view text) { return schema::ToBytes(schema::AsBytes(text)); }

Bytes Arc(int arc) {
  Bytes out = schema::ToBytes(oid::kFulcioPrefix);
  out.push_back(static_cast<std::uint8_t>(arc));
  return out;
}

// Positions in the sample: 5 is 57264.1.1, then .2 to .6, .8 and so on.
enum : std::size_t { kKu, kEku, kSki, kAki, kSan, kArc1, kArc2, kArc3, kArc8 = 11, kArc9 = 12 };

struct Mutation {
  const char* name;
  const char* want;  // part of the detail
  std::function<void(Pieces&)> apply;
};

void CheckMutations(const std::vector<Mutation>& mutations) {
  const schema::TbsDer good = Good();
  const Pieces pieces = Take(good.view());
  REQUIRE(Put(pieces) == good.bytes());
  for (const Mutation& mutation : mutations) {
    CAPTURE(mutation.name);
    Pieces changed = pieces;
    mutation.apply(changed);
    const Bytes bytes = Put(changed);
    REQUIRE(bytes != good.bytes());
    const auto linted = ca::Lint(schema::TbsDer(bytes), TheChain());
    REQUIRE(!linted);
    CHECK(linted.error().Is(ca::kLint));
    CAPTURE(linted.error().detail);
    CHECK(linted.error().detail.find(mutation.want) != std::string::npos);
  }
}

TEST_CASE("what the profile makes passes, for every key and SAN") {
  for (const char* kind : {"P-256", "P-384", "P-521", "RSA-2048", "RSA-4096", "Ed25519"}) {
    for (const auto san :
         {schema::San::Kind::kUri, schema::San::Kind::kEmail, schema::San::Kind::kOtherName}) {
      CAPTURE(kind);
      const auto tbs = ca::MakeTbs(TheChain(), samples::kSettings, samples::WithSan(san, "a@b:c"),
                                   samples::ProvenKey(kind), samples::kSerial, support::kNow);
      REQUIRE(tbs);
      const auto linted = ca::Lint(*tbs, TheChain());
      if (!linted) FAIL_CHECK(linted.error().Describe());
      if (linted) CHECK(schema::Equal(linted->tbs(), tbs->view()));
    }
  }
}

TEST_CASE("fields broken one at a time") {
  using std::chrono::hours;
  using std::chrono::seconds;
  const schema::Time now = support::kNow;
  CheckMutations({
      {"version 1", "version",
       [](Pieces& p) {
         p.version = {0xa0, 3, 2, 1, 0};
       }},
      {"no version", "another element", [](Pieces& p) { p.version = {}; }},
      {"short serial", "serial length",
       [](Pieces& p) {
         p.serial = {2, 1, 5};
       }},
      {"zero serial", "serial length",
       [](Pieces& p) {
         p.serial = {2, 1, 0};
       }},
      {"negative serial", "negative", [](Pieces& p) { p.serial[2] = 0x80; }},
      {"21 octets of serial", "serial",
       [](Pieces& p) { p.serial = Value(der::kInteger, Bytes(21, 0x11)); }},
      {"160-bit serial", "serial of 21 octets",
       [](Pieces& p) {
         Bytes content(21, 0xff);
         content[0] = 0;
         p.serial = Value(der::kInteger, content);
       }},
      {"serial not minimal", "minimal",
       [](Pieces& p) {
         Bytes content(20, 0x11);
         content[0] = 0;
         p.serial = Value(der::kInteger, content);
       }},
      {"ecdsa-with-SHA384", "algorithm", [](Pieces& p) { p.algorithm.back() = 3; }},
      {"algorithm with NULL", "algorithm",
       [](Pieces& p) {
         p.algorithm[1] += 2;
         p.algorithm.insert(p.algorithm.end(), {5, 0});
       }},
      {"another issuer", "issuer", [](Pieces& p) { p.issuer.back() ^= 1; }},
      {"empty issuer", "issuer",
       [](Pieces& p) {
         p.issuer = {0x30, 0};
       }},
      {"dates swapped", "notBefore",
       [=](Pieces& p) { p.validity = Validity(now + seconds{60}, now); }},
      {"no time at all", "notBefore", [=](Pieces& p) { p.validity = Validity(now, now); }},
      {"too long", "too long", [=](Pieces& p) { p.validity = Validity(now, now + hours{25}); }},
      {"before the CA", "exceeds",
       [=](Pieces& p) { p.validity = Validity(now - hours{2}, now + seconds{1}); }},
      {"after the CA", "exceeds",
       [](Pieces& p) {
         p.validity =
             Validity(TheChain().not_after - seconds{1}, TheChain().not_after + seconds{1});
       }},
      {"GeneralizedTime before 2050", "UTCTime is required",
       [](Pieces& p) {
         Bytes both = Value(der::kGeneralizedTime, Text("20261121100000Z"));
         const Bytes to = Value(der::kUtcTime, Text("261121101000Z"));
         both.insert(both.end(), to.begin(), to.end());
         p.validity = Value(der::kSequence, both);
       }},
      {"subject with a name", "subject",
       [](Pieces& p) {
         p.subject = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 6, 3, 0x55, 4, 3, 0x0c, 2, 'h', 'i'};
       }},
      {"compressed key", "point", [](Pieces& p) { p.spki[26] = 2; }},
      {"issuerUniqueID", "another element",
       [](Pieces& p) {
         p.unique_id = {0x81, 2, 0, 1};
       }},
      {"something after the extensions", "trailing",
       [](Pieces& p) {
         p.after = {5, 0};
       }},
  });
}

TEST_CASE("extensions broken one at a time") {
  CheckMutations({
      {"none", "no extension", [](Pieces& p) { p.extensions.clear(); }},
      {"KeyUsage missing", "KeyUsage is not in its place",
       [](Pieces& p) { p.extensions.erase(p.extensions.begin()); }},
      {"only KeyUsage", "ExtendedKeyUsage is not in its place",
       [](Pieces& p) { p.extensions.resize(1); }},
      {"two swapped", "is not in its place",
       [](Pieces& p) { std::swap(p.extensions[kSki], p.extensions[kAki]); }},
      {"KeyUsage not critical", "KeyUsage has the wrong criticality",
       [](Pieces& p) { p.extensions[kKu].critical = {}; }},
      {"SAN not critical", "SubjectAltName has the wrong criticality",
       [](Pieces& p) { p.extensions[kSan].critical = {}; }},
      {"SKI critical", "SubjectKeyIdentifier has the wrong criticality",
       [](Pieces& p) {
         p.extensions[kSki].critical = {1, 1, 0xff};
       }},
      {"FALSE is written", "critical FALSE",
       [](Pieces& p) {
         p.extensions[kSki].critical = {1, 1, 0};
       }},
      {"TRUE as 01", "BOOLEAN",
       [](Pieces& p) {
         p.extensions[kKu].critical = {1, 1, 1};
       }},
      {"keyCertSign", "digitalSignature",
       [](Pieces& p) {
         p.extensions[kKu].value = {3, 2, 2, 0x84};
       }},
      {"KeyUsage with a zero tail", "digitalSignature",
       [](Pieces& p) {
         p.extensions[kKu].value = {3, 2, 0, 0x80};
       }},
      {"EKU serverAuth", "codeSigning", [](Pieces& p) { p.extensions[kEku].value.back() = 1; }},
      {"EKU of two", "codeSigning",
       [](Pieces& p) {
         Bytes& value = p.extensions[kEku].value;
         const Bytes purpose(value.begin() + 2, value.end());
         value[1] = 20;
         value.insert(value.end(), purpose.begin(), purpose.end());
       }},
      {"SKI of another key", "SubjectKeyIdentifier is not the key's",
       [](Pieces& p) { p.extensions[kSki].value.back() ^= 1; }},
      {"SKI not an OCTET STRING", "another element",
       [](Pieces& p) { p.extensions[kSki].value[0] = 3; }},
      {"AKI of another CA", "AuthorityKeyIdentifier is not the CA's",
       [](Pieces& p) { p.extensions[kAki].value.back() ^= 1; }},
      {"AKI with issuer and serial", "trailing",
       [](Pieces& p) {
         p.extensions[kAki].value[1] += 3;
         p.extensions[kAki].value.insert(p.extensions[kAki].value.end(), {0x82, 1, 1});
       }},
      {"BasicConstraints", "not of the profile",
       [](Pieces& p) {
         p.extensions.push_back({schema::ToBytes(oid::kBasicConstraints), {}, {0x30, 0}});
       }},
      {"poison", "not of the profile",
       [](Pieces& p) {
         p.extensions.push_back({schema::ToBytes(oid::kPoison), {1, 1, 0xff}, {5, 0}});
       }},
      {"SCT list", "not of the profile",
       [](Pieces& p) {
         p.extensions.push_back({schema::ToBytes(oid::kSctList), {}, {4, 0}});
       }},
      {"65 extensions", "too many",
       [](Pieces& p) {
         while (p.extensions.size() < 65) p.extensions.push_back(p.extensions.back());
       }},
  });
}

TEST_CASE("names and claims broken one at a time") {
  const auto san = [](Bytes content) {
    return [content](Pieces& p) { p.extensions[kSan].value = Value(der::kSequence, content); };
  };
  CheckMutations({
      {"SAN empty", "no name", san({})},
      {"two names", "more than one", san({0x81, 1, 'a', 0x81, 1, 'b'})},
      {"dNSName", "never written", san({0x82, 1, 'a'})},
      {"iPAddress", "never written", san({0x87, 4, 1, 2, 3, 4})},
      {"URI not ASCII", "visible ASCII", san({0x86, 1, 0xe9})},
      {"URI with NUL", "visible ASCII", san({0x86, 3, 'a', 0, 'b'})},
      {"e-mail empty", "visible ASCII", san({0x81, 0})},
      {"otherName of another type", "another type",
       san({0xa0, 9, 6, 3, 0x55, 4, 3, 0xa0, 2, 0x0c, 0})},
      {"no issuer extensions", "57264.1.1", [](Pieces& p) { p.extensions.resize(kArc1); }},
      {"1.1 absent", "absent or differ",
       [](Pieces& p) { p.extensions.erase(p.extensions.begin() + kArc1); }},
      {"1.8 absent", "absent or differ",
       [](Pieces& p) { p.extensions.erase(p.extensions.begin() + kArc8); }},
      {"1.8 differs", "absent or differ", [](Pieces& p) { p.extensions[kArc8].value.back() ^= 1; }},
      {"twice", "out of order or twice",
       [](Pieces& p) { p.extensions.insert(p.extensions.begin() + kArc2, p.extensions[kArc2]); }},
      {"out of order", "out of order or twice",
       [](Pieces& p) { std::swap(p.extensions[kArc2], p.extensions[kArc3]); }},
      {"critical", "is critical",
       [](Pieces& p) {
         p.extensions[kArc9].critical = {1, 1, 0xff};
       }},
      {"arc 7", "unknown", [](Pieces& p) { p.extensions[kArc9].oid = Arc(7); }},
      {"arc 99", "unknown", [](Pieces& p) { p.extensions.back().oid = Arc(99); }},
      {"longer arc", "not of the profile", [](Pieces& p) { p.extensions.back().oid.push_back(1); }},
      {"1.9 raw", "UTF8String", [](Pieces& p) { p.extensions[kArc9].value = Text("raw"); }},
      {"1.9 IA5String", "UTF8String", [](Pieces& p) { p.extensions[kArc9].value[0] = 0x16; }},
      {"1.9 with more", "UTF8String",
       [](Pieces& p) {
         p.extensions[kArc9].value.insert(p.extensions[kArc9].value.end(), {5, 0});
       }},
      {"1.9 empty", "empty",
       [](Pieces& p) {
         p.extensions[kArc9].value = {0x0c, 0};
       }},
      {"1.2 empty", "empty", [](Pieces& p) { p.extensions[kArc2].value = {}; }},
      {"1.2 not UTF-8", "UTF-8", [](Pieces& p) { p.extensions[kArc2].value = {0xff}; }},
      {"too large", "size",
       [](Pieces& p) { p.extensions[kArc2].value = Bytes(schema::limits::kTbsBytes, 'x'); }},
  });
}

TEST_CASE("bytes cut or added anywhere do not pass") {
  const Bytes good = Good().bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(!ca::Lint(schema::TbsDer(Bytes(good.begin(), good.begin() + static_cast<long>(size))),
                    TheChain()));
  }
  Bytes longer = good;
  longer.push_back(0);
  CHECK(!ca::Lint(schema::TbsDer(longer), TheChain()));
}

}  // namespace
