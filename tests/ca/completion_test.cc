// Poison, SCT list, and the cut that brings the logged TBS back.
#include <doctest/doctest.h>
#include <openssl/ct.h>
#include <openssl/x509v3.h>

#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"
#include "tests/ca/samples.h"

namespace {

using schema::Bytes;
using schema::BytesView;

const support::TestCa& Ca() {
  static const support::TestCa ca;
  return ca;
}

schema::TbsDer Logged(const schema::Identity& identity = samples::Github()) {
  static const ca::Chain chain = Ca().LoadChain();
  static const ca::SubjectKey key = samples::ProvenKey();
  auto tbs = ca::MakeTbs(chain, samples::kSettings, identity, key, samples::kSerial, support::kNow);
  MUST(tbs.has_value());
  return *std::move(tbs);
}

// RFC 6962 3.3: a list of one SCT of version 1, sha256/ecdsa.
Bytes SctList() {
  std::string sct(1, '\0');
  sct.append(32, '\xaa');                          // log id
  sct.append("\0\0\1\2\3\4\5\6", 8);               // milliseconds
  sct.append("\0\x08\0\0\5\0\0\0\0\x09", 10);      // leaf_index 9
  sct.append("\4\3\0\x08\x30\6\2\1\1\2\1\1", 12);  // sha256, ecdsa, r = s = 1
  const auto size = static_cast<char>(sct.size());
  const std::string list = {0, static_cast<char>(size + 2), 0, size};
  return schema::ToBytes(schema::AsBytes(list + sct));
}

schema::OwnedCert Certificate(BytesView tbs) {
  return samples::ParseWithOpenssl(ca::Assemble(tbs, Ca().Sign(tbs)).view());
}

TEST_CASE("the SCT list is cut again to the octet, whatever the lengths around it") {
  // Text lengths move every outer length field across its own boundaries.
  for (std::size_t size = 1; size < 700; size += 3) {
    CAPTURE(size);
    schema::Identity identity = samples::Github();
    identity.extensions.back().text = std::string(size, 'x');
    const schema::TbsDer logged = Logged(identity);
    for (const std::size_t list_size : {1UL, 100UL, 140UL, 255UL, 300UL}) {
      const auto final_tbs = ca::WithSctList(logged.view(), Bytes(list_size, 7));
      REQUIRE(final_tbs);
      const auto back = ca::WithoutSctList(*final_tbs);
      REQUIRE(back);
      CHECK(*back == logged);
    }
  }
}

TEST_CASE("OpenSSL finds the SCT in a final certificate, last and not critical") {
  const auto final_tbs = ca::WithSctList(Logged().view(), SctList());
  REQUIRE(final_tbs);
  const schema::OwnedCert x = Certificate(final_tbs->view());
  REQUIRE(x);
  const int count = X509_get_ext_count(x.get());
  X509_EXTENSION* last = X509_get_ext(x.get(), count - 1);
  CHECK_EQ(OBJ_obj2nid(X509_EXTENSION_get_object(last)), NID_ct_precert_scts);
  CHECK_EQ(X509_EXTENSION_get_critical(last), 0);
  STACK_OF(SCT)* scts =
      static_cast<STACK_OF(SCT)*>(X509_get_ext_d2i(x.get(), NID_ct_precert_scts, nullptr, nullptr));
  REQUIRE(scts != nullptr);
  REQUIRE_EQ(sk_SCT_num(scts), 1);
  CHECK_EQ(SCT_get_timestamp(sk_SCT_value(scts, 0)), 0x010203040506ULL);
  SCT_LIST_free(scts);
}

TEST_CASE("OpenSSL finds the poison in a precertificate, last and critical") {
  const schema::TbsDer logged = Logged();
  const auto poisoned = ca::WithPoison(logged.view());
  REQUIRE(poisoned);
  const schema::OwnedCert x = Certificate(poisoned->view());
  REQUIRE(x);
  X509_EXTENSION* last = X509_get_ext(x.get(), X509_get_ext_count(x.get()) - 1);
  CHECK_EQ(OBJ_obj2nid(X509_EXTENSION_get_object(last)), NID_ct_precert_poison);
  CHECK_EQ(X509_EXTENSION_get_critical(last), 1);
  // OpenSSL's own removal of it, which its SCT check uses, gives the logged TBS.
  X509_EXTENSION_free(X509_delete_ext(x.get(), X509_get_ext_count(x.get()) - 1));
  std::uint8_t* der = nullptr;
  const int size = i2d_re_X509_tbs(x.get(), &der);
  REQUIRE(size > 0);
  CHECK(schema::Equal({der, static_cast<std::size_t>(size)}, logged.view()));
  OPENSSL_free(der);
}

TEST_CASE("nothing is completed twice") {
  const schema::TbsDer logged = Logged();
  const auto poisoned = ca::WithPoison(logged.view());
  const auto final_tbs = ca::WithSctList(logged.view(), SctList());
  REQUIRE(poisoned);
  REQUIRE(final_tbs);
  for (const BytesView done : {poisoned->view(), final_tbs->view()}) {
    const auto again = ca::WithPoison(done);
    REQUIRE(!again);
    CHECK(again.error().Is(ca::kSctMismatch));
    CHECK(!ca::WithSctList(done, SctList()));
    CHECK(!ca::ReadTbs(done));
  }
}

// A TBS whose extensions are ours and then these.
ca::FinalTbs With(const schema::TbsDer& logged, std::initializer_list<Bytes> extensions) {
  const auto parts = ca::CutTbs(logged.view());
  MUST(parts.has_value());
  schema::der::Writer out;
  const auto tbs = out.Begin(schema::der::kSequence);
  out.Raw(parts->head);
  const auto wrapper = out.Begin(schema::der::ContextConstructed(3));
  const auto list = out.Begin(schema::der::kSequence);
  out.Raw(parts->extension_bytes);
  for (const Bytes& extension : extensions) out.Raw(extension);
  out.End(list);
  out.End(wrapper);
  out.End(tbs);
  return ca::FinalTbs(std::move(out).Take());
}

Bytes Extension(BytesView oid, bool critical, Bytes value) {
  schema::der::Writer out;
  const auto sequence = out.Begin(schema::der::kSequence);
  out.Oid(oid);
  if (critical) out.Boolean(true);
  out.Value(schema::der::kOctetString, value);
  out.End(sequence);
  return std::move(out).Take();
}

TEST_CASE("only a TBS with one SCT list, last, is cut") {
  namespace oid = schema::oid;
  const schema::TbsDer logged = Logged();
  const Bytes list = Extension(oid::kSctList, false, {4, 1, 0});
  const Bytes poison = Extension(oid::kPoison, true, {5, 0});
  const Bytes other = Extension(oid::kSubjectKeyId, false, {4, 1, 0});
  CHECK(ca::WithoutSctList(With(logged, {list})));
  const std::pair<const char*, ca::FinalTbs> cases[] = {
      {"no SCT list", With(logged, {})},
      {"critical", With(logged, {Extension(oid::kSctList, true, {4, 1, 0})})},
      {"not last", With(logged, {list, other})},
      {"twice", With(logged, {list, list})},
      {"with poison", With(logged, {poison, list})},
      {"poison last", With(logged, {list, poison})},
      {"value without the inner OCTET STRING",
       With(logged, {Extension(oid::kSctList, false, {5, 0})})},
      {"value with more", With(logged, {Extension(oid::kSctList, false, {4, 1, 0, 5, 0})})},
  };
  for (const auto& [name, tbs] : cases) {
    const auto shown = name;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const auto cut = ca::WithoutSctList(tbs);
    REQUIRE(!cut);
    CHECK(cut.error().Is(ca::kSctMismatch));
  }
}

TEST_CASE("bytes that are no TBS are our fault, not the caller's") {
  for (const Bytes& bytes : {Bytes{}, Bytes{0x30, 0x00}, Bytes(40, 0x30)}) {
    const auto poisoned = ca::WithPoison(bytes);
    REQUIRE(!poisoned);
    CHECK_EQ(poisoned.error().kind->fault, schema::Fault::kUs);
    CHECK(!ca::WithoutSctList(ca::FinalTbs(bytes)));
    CHECK(!ca::ReadTbs(bytes));
  }
}

}  // namespace
