#include "ca/profile.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <set>

#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"
#include "schema/extensions.h"
#include "tests/ca/samples.h"

namespace {

using samples::kSerial;
using samples::kSettings;
using schema::Bytes;
using schema::BytesView;
using schema::San;
using support::kNow;

const support::TestCa& Ca() {
  static const support::TestCa ca;
  return ca;
}
const ca::Chain& TheChain() {
  static const ca::Chain chain = Ca().LoadChain();
  return chain;
}

schema::Result<schema::TbsDer> Make(const schema::Identity& identity, schema::Time now = kNow,
                                    const ca::Chain& chain = TheChain()) {
  static const ca::SubjectKey key = samples::ProvenKey();
  return ca::MakeTbs(chain, kSettings, identity, key, kSerial, now);
}

schema::OwnedCert Certificate(BytesView tbs) {
  const schema::CertDer certificate = ca::Assemble(tbs, Ca().Sign(tbs));
  schema::OwnedCert parsed = samples::ParseWithOpenssl(certificate.view());
  REQUIRE(parsed);
  // What OpenSSL writes of what it read is what we wrote, octet for octet.
  const auto tbs_part = parsed.get();
  std::uint8_t* again = nullptr;
  const int size = i2d_re_X509_tbs(tbs_part, &again);
  REQUIRE(size > 0);
  CHECK(schema::Equal(BytesView(again, static_cast<std::size_t>(size)), tbs));
  OPENSSL_free(again);
  CHECK(support::DerOf(parsed.get()) == certificate);
  return parsed;
}

std::vector<std::string> ExtensionOrder(X509* certificate) {
  std::vector<std::string> out;
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    char text[128];
    OBJ_obj2txt(text, sizeof text, X509_EXTENSION_get_object(X509_get_ext(certificate, i)), 1);
    out.emplace_back(text);
  }
  return out;
}

X509_EXTENSION* FindExtension(X509* certificate, const std::string& oid) {
  const schema::Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(oid.c_str(), 1));
  const int index = X509_get_ext_by_OBJ(certificate, object.get(), -1);
  return index < 0 ? nullptr : X509_get_ext(certificate, index);
}

std::string ValueHex(X509_EXTENSION* extension) {
  const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(extension);
  return schema::Hex(
      {ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))});
}

void CheckFields(X509* x) {
  CHECK_EQ(X509_get_version(x), X509_VERSION_3);
  CHECK_EQ(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
  CHECK_EQ(X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(Ca().issuing())), 0);
  CHECK_EQ(EVP_PKEY_eq(X509_get0_pubkey(x), samples::Key("P-256")), 1);
  const schema::OwnedBignum serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), nullptr));
  const schema::OwnedBignum want(BN_bin2bn(kSerial.data(), kSerial.size(), nullptr));
  CHECK_EQ(BN_cmp(serial.get(), want.get()), 0);
  CHECK_EQ(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
  CHECK_EQ(X509_check_ca(x), 0);
  CHECK_EQ(X509_get_key_usage(x), static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
  CHECK_EQ(X509_get_extended_key_usage(x), static_cast<std::uint32_t>(XKU_CODE_SIGN));
  CHECK_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x),
                                 X509_get0_subject_key_id(Ca().issuing())),
           0);
  // RFC 5280 4.2.1.2 method 1, as OpenSSL computes it.
  std::uint8_t sha1[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  REQUIRE(X509_pubkey_digest(x, EVP_sha1(), sha1, &size) == 1);
  const ASN1_OCTET_STRING* ski = X509_get0_subject_key_id(x);
  REQUIRE(ski != nullptr);
  CHECK(schema::Equal({sha1, size}, {ASN1_STRING_get0_data(ski),
                                     static_cast<std::size_t>(ASN1_STRING_length(ski))}));
}

TEST_CASE("OpenSSL reads what MakeTbs wrote, and its path verifies") {
  const auto tbs = Make(samples::Github());
  REQUIRE(tbs);
  const schema::OwnedCert x = Certificate(tbs->view());
  CheckFields(x.get());
  CHECK_EQ(X509_verify(x.get(), Ca().issuing_key()), 1);
  CHECK_EQ(X509_verify(x.get(), Ca().root_key()), 0);

  const schema::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  REQUIRE(X509_STORE_add_cert(store.get(), Ca().root()) == 1);
  STACK_OF(X509)* middle = sk_X509_new_null();
  sk_X509_push(middle, Ca().issuing());
  const schema::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  REQUIRE(X509_STORE_CTX_init(context.get(), store.get(), x.get(), middle) == 1);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, kNow.time_since_epoch().count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
  CHECK_EQ(X509_verify_cert(context.get()), 1);
  CHECK_EQ(X509_STORE_CTX_get_error(context.get()), X509_V_OK);
  sk_X509_free(middle);
}

TEST_CASE("a certificate of every key type parses and re-encodes") {
  for (const char* kind : {"P-256", "P-384", "P-521", "RSA-2048", "RSA-4096", "Ed25519"}) {
    CAPTURE(kind);
    const ca::SubjectKey key = samples::ProvenKey(kind);
    const auto tbs = ca::MakeTbs(TheChain(), kSettings, samples::Github(), key, kSerial, kNow);
    REQUIRE(tbs);
    const schema::OwnedCert x = Certificate(tbs->view());
    CHECK_EQ(EVP_PKEY_eq(X509_get0_pubkey(x.get()), samples::Key(kind)), 1);
  }
}

San::Kind KindOf(const std::string& name) {
  if (name == "URI") return San::Kind::kUri;
  return name == "rfc822Name" ? San::Kind::kEmail : San::Kind::kOtherName;
}

void CheckRow(const schema::Json& row) {
  schema::Identity identity = samples::Github();
  identity.san = {KindOf(row["san_kind"]), row["san"]};
  identity.extensions.clear();
  for (const auto& extension : row["custom_extensions"]) {
    const std::string oid = extension["oid"];
    identity.extensions.push_back({std::stoi(oid.substr(oid.rfind('.') + 1)), extension["text"]});
  }
  const auto tbs = Make(identity);
  REQUIRE(tbs);
  const schema::OwnedCert x = Certificate(tbs->view());

  // Fulcio's order, and before the AuthorityKeyIdentifier the SubjectKeyIdentifier its
  // specification demands.
  auto want = row["extension_order"].get<std::vector<std::string>>();
  want.insert(std::ranges::find(want, "2.5.29.35"), "2.5.29.14");
  CHECK_EQ(ExtensionOrder(x.get()), want);
  X509_EXTENSION* san = FindExtension(x.get(), "2.5.29.17");
  REQUIRE(san != nullptr);
  CHECK_EQ(X509_EXTENSION_get_critical(san), 1);
  CHECK_EQ(ValueHex(san), row["san_ext_hex"].get<std::string>());
  for (const auto& extension : row["custom_extensions"]) {
    const std::string oid = extension["oid"];
    CAPTURE(oid);
    X509_EXTENSION* found = FindExtension(x.get(), oid);
    REQUIRE(found != nullptr);
    CHECK_EQ(X509_EXTENSION_get_critical(found), 0);
    if (extension.contains("value_hex")) {
      CHECK_EQ(ValueHex(found), extension["value_hex"].get<std::string>());
    }
  }
}

TEST_CASE("extensions are those of Fulcio's vectors, in their order and octet for octet") {
  const auto text = schema::ReadFile("tests/vectors/fulcio-vectors.json");
  REQUIRE(text);
  const auto vectors = schema::ParseJson(*text, {.bytes = 1 << 20});
  REQUIRE(vectors);
  int rows = 0;
  for (const auto& row : (*vectors)["vectors"]) {
    if (!row.contains("san_ext_hex")) continue;
    const std::string name = row["name"];
    CAPTURE(name);
    CheckRow(row);
    ++rows;
  }
  CHECK_EQ(rows, 19);
}

TEST_CASE("the SAN forms of the reference") {
  const std::tuple<San::Kind, const char*, const char*> cases[] = {
      {San::Kind::kEmail, "alice@example.com", "30138111616c696365406578616d706c652e636f6d"},
      {San::Kind::kOtherName, "alice!example.com",
       "3023a021060a2b0601040183bf300107a0130c11616c696365216578616d706c652e636f6d"},
      {San::Kind::kOtherName, "ü!é", "3017a015060a2b0601040183bf300107a0070c05c3bc21c3a9"},
      {San::Kind::kUri, "a:b", "30058603613a62"},
  };
  for (const auto& [kind, value, hex] : cases) {
    const auto shown = value;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const auto tbs = Make(samples::WithSan(kind, value));
    REQUIRE(tbs);
    const schema::OwnedCert x = Certificate(tbs->view());
    CHECK_EQ(ValueHex(FindExtension(x.get(), "2.5.29.17")), hex);
  }
}

TEST_CASE("an identity that cannot be written is refused as the token's fault") {
  struct Case {
    const char* name;
    schema::Identity identity;
  };
  const auto with = [](std::vector<schema::FulcioExtension> extensions) {
    schema::Identity identity = samples::Github();
    identity.extensions = std::move(extensions);
    return identity;
  };
  schema::Identity huge = samples::Github();
  huge.extensions.back().text = std::string(schema::limits::kTbsBytes, 'x');
  const Case cases[] = {
      {"e-mail not ASCII", samples::WithSan(San::Kind::kEmail, "ü@example.com")},
      {"e-mail with a space", samples::WithSan(San::Kind::kEmail, "a b@example.com")},
      {"e-mail with NUL",
       samples::WithSan(San::Kind::kEmail, std::string("a@example.com\0.evil", 19))},
      {"e-mail with a line feed", samples::WithSan(San::Kind::kEmail, "a@example.com\n")},
      {"empty e-mail", samples::WithSan(San::Kind::kEmail, "")},
      {"URI not ASCII", samples::WithSan(San::Kind::kUri, "https://example.com/ü")},
      {"URI with DEL", samples::WithSan(San::Kind::kUri, "https://example.com/\x7f")},
      {"empty URI", samples::WithSan(San::Kind::kUri, "")},
      {"empty otherName", samples::WithSan(San::Kind::kOtherName, "")},
      {"otherName not UTF-8", samples::WithSan(San::Kind::kOtherName, "\xc3")},
      {"otherName overlong", samples::WithSan(San::Kind::kOtherName, "\xc0\x80")},
      {"no extensions", with({})},
      {"no 1.8", with({{1, "i"}})},
      {"no 1.1", with({{8, "i"}})},
      {"1.1 and 1.8 differ", with({{1, "i"}, {8, "j"}})},
      {"out of order", with({{8, "i"}, {1, "i"}})},
      {"twice", with({{1, "i"}, {1, "i"}, {8, "i"}})},
      {"arc 7", with({{1, "i"}, {7, "x"}, {8, "i"}})},
      {"arc 25", with({{1, "i"}, {8, "i"}, {25, "x"}})},
      {"arc 0", with({{0, "x"}, {1, "i"}, {8, "i"}})},
      {"empty text", with({{1, "i"}, {8, "i"}, {9, ""}})},
      {"raw text not UTF-8", with({{1, "i"}, {2, "\xff"}, {8, "i"}})},
      {"text not UTF-8", with({{1, "i"}, {8, "i"}, {9, "\xed\xa0\x80"}})},
      {"too large", huge},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto tbs = Make(c.identity);
    REQUIRE(!tbs);
    CHECK(tbs.error().Is(ca::kIdentityUnfit));
    CHECK_EQ(tbs.error().kind->fault, schema::Fault::kToken);
  }
}

TEST_CASE("validity is clamped to the chain at both ends") {
  using std::chrono::minutes;
  using std::chrono::seconds;
  ca::Chain chain = TheChain();
  struct Case {
    const char* name;
    schema::Time from, to;  // the chain's
    schema::Time want_from, want_to;
    bool ok;
  };
  const schema::Time long_ago = kNow - minutes{1000}, far = kNow + minutes{1000};
  const Case cases[] = {
      {"inside", long_ago, far, kNow - seconds{30}, kNow + minutes{10}, true},
      {"young CA", kNow - seconds{10}, far, kNow - seconds{10}, kNow + minutes{10}, true},
      {"born now", kNow, far, kNow, kNow + minutes{10}, true},
      {"old CA", long_ago, kNow + minutes{3}, kNow - seconds{30}, kNow + minutes{3}, true},
      {"both", kNow - seconds{1}, kNow + seconds{1}, kNow - seconds{1}, kNow + seconds{1}, true},
      {"not yet", kNow + seconds{1}, far, {}, {}, false},
      {"ends now", long_ago, kNow, {}, {}, false},
      {"ended", long_ago, kNow - seconds{1}, {}, {}, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    chain.not_before = c.from;
    chain.not_after = c.to;
    const auto tbs = Make(samples::Github(), kNow, chain);
    REQUIRE_EQ(tbs.has_value(), c.ok);
    if (!tbs) {
      CHECK(tbs.error().Is(ca::kOutsideCaValidity));
      continue;
    }
    const auto facts = ca::ReadTbs(tbs->view());
    REQUIRE(facts);
    CHECK(facts->not_before == c.want_from);
    CHECK(facts->not_after == c.want_to);
  }
}

TEST_CASE("dates from 2050 are GeneralizedTime") {
  ca::Chain chain = TheChain();
  const schema::Time eve{std::chrono::seconds{2524608000 - 60}};  // 2049-12-31T23:59:00Z
  chain.not_after = eve + std::chrono::hours{24};
  const auto tbs = Make(samples::Github(), eve, chain);
  REQUIRE(tbs);
  const schema::OwnedCert x = Certificate(tbs->view());
  CHECK_EQ(ASN1_STRING_type(X509_get0_notBefore(x.get())), V_ASN1_UTCTIME);
  CHECK_EQ(ASN1_STRING_type(X509_get0_notAfter(x.get())), V_ASN1_GENERALIZEDTIME);
  CHECK_EQ(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x.get()), 2524608000 - 60 + 600), 0);
}

TEST_CASE("ReadTbs gives back what MakeTbs was given") {
  for (const schema::Identity& identity :
       {samples::Github(), samples::WithSan(San::Kind::kEmail, "alice@example.com"),
        samples::WithSan(San::Kind::kOtherName, "alice!example.com")}) {
    const auto tbs = Make(identity);
    REQUIRE(tbs);
    const auto facts = ca::ReadTbs(tbs->view());
    REQUIRE(facts);
    CHECK_EQ(facts->serial, Bytes(kSerial.begin(), kSerial.end()));
    CHECK(facts->not_before == kNow - kSettings.backdate);
    CHECK(facts->not_after == kNow + kSettings.lifetime);
    CHECK(facts->san.kind == identity.san.kind);
    CHECK_EQ(facts->san.value, identity.san.value);
    CHECK(facts->spki == support::SpkiOf(samples::Key("P-256")));
    REQUIRE_EQ(facts->extensions.size(), identity.extensions.size());
    for (std::size_t i = 0; i < facts->extensions.size(); ++i) {
      CHECK_EQ(facts->extensions[i].arc, identity.extensions[i].arc);
      CHECK_EQ(facts->extensions[i].text, identity.extensions[i].text);
    }
  }
}

TEST_CASE("serials are positive, of at most 159 bits, and different") {
  std::set<ca::Serial> seen;
  std::uint8_t ones = 0, zeros = 0xff;
  for (int i = 0; i < 1000; ++i) {
    const auto serial = ca::RandomSerial();
    REQUIRE(serial);
    CHECK_EQ((*serial)[0] & 0x80, 0);
    ones |= (*serial)[0];
    zeros &= (*serial)[0];
    CHECK(seen.insert(*serial).second);
  }
  // Each of the other seven bits of the first octet was seen both ways.
  CHECK_EQ(ones, 0x7f);
  CHECK_EQ(zeros, 0x00);
}

TEST_CASE("a serial with leading zero octets stays DER") {
  ca::Serial serial{};
  serial[10] = 0x80;
  serial[19] = 1;
  const ca::SubjectKey key = samples::ProvenKey();
  const auto tbs = ca::MakeTbs(TheChain(), kSettings, samples::Github(), key, serial, kNow);
  REQUIRE(tbs);
  const schema::OwnedCert x = Certificate(tbs->view());
  CHECK_EQ(ASN1_STRING_length(X509_get0_serialNumber(x.get())), 10);
}

}  // namespace
