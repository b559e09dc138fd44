// Requests by OpenSSL's writer are read as they were meant; everything near them is refused by
// name.
#include <doctest/doctest.h>

#include "ca/tsa/request.h"
#include "schema/base/base64.h"
#include "schema/base/der.h"
#include "schema/cms_oids.h"
#include "tests/ca/tsa/rig.h"

namespace {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;

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
Bytes Integer(std::initializer_list<std::uint8_t> content) {
  return Wrap(der::kInteger, Bytes(content));
}
Bytes Imprint(BytesView algorithm, const Bytes& parameters, std::size_t size) {
  return Wrap(der::kSequence,
              Join({Wrap(der::kSequence, Join({Wrap(der::kOid, algorithm), parameters})),
                    Wrap(der::kOctetString, Bytes(size, 0x5a))}));
}
Bytes Good() { return Imprint(schema::oid::kSha256, {}, 32); }
Bytes Request(std::initializer_list<Bytes> fields) { return Wrap(der::kSequence, Join(fields)); }

}  // namespace

TEST_CASE("Requests by OpenSSL") {
  for (const ca::ImprintAlgorithm& algorithm : ca::ImprintAlgorithms()) {
    CAPTURE(algorithm.name);
    const std::string name(algorithm.name);
    const auto theirs = rig::MakeRequest({name.c_str(), 0x1234, true, "1.2.3.4"});
    const auto ours = ca::ParseTimestampRequest(rig::DerOf(theirs.get()));
    REQUIRE(ours.has_value());
    CHECK_EQ(ours->algorithm->name, algorithm.name);
    CHECK_EQ(ours->digest, Bytes(algorithm.digest_size, 0x5a));
    CHECK_EQ(ours->nonce, Integer({0x12, 0x34}));
    CHECK_EQ(ours->policy, "1.2.3.4");
    CHECK(ours->certificates);
  }
  const auto least = ca::ParseTimestampRequest(rig::DerOf(rig::MakeRequest({}).get()));
  REQUIRE(least.has_value());
  CHECK(least->nonce.empty());
  CHECK_FALSE(least->policy.has_value());
  CHECK_FALSE(least->certificates);
}

TEST_CASE("ParseTimestampRequest") {
  const Bytes v1 = Integer({1});
  const Bytes yes = Wrap(der::kBoolean, Bytes{0xff});
  const Bytes no = Wrap(der::kBoolean, Bytes{0x00});
  Bytes trailing = Request({v1, Good()});
  trailing.push_back(0);
  Bytes longest(ca::kNonceBytesMax, 0x11);

  struct Case {
    const char* name;
    Bytes request;
    const schema::ErrorKind* want;  // null: taken
  };
  const Case cases[] = {
      {"the least", Request({v1, Good()}), nullptr},
      {"parameters NULL", Request({v1, Imprint(schema::oid::kSha384, Wrap(der::kNull, {}), 48)}),
       nullptr},
      {"certReq FALSE written", Request({v1, Good(), no}), nullptr},
      {"a negative nonce", Request({v1, Good(), Integer({0xff})}), nullptr},
      {"the longest nonce", Request({v1, Good(), Wrap(der::kInteger, longest)}), nullptr},
      {"nothing", {}, &ca::kTimestampMalformed},
      {"trailing octet", trailing, &ca::kTimestampMalformed},
      {"no version", Request({Good()}), &ca::kTimestampMalformed},
      {"version 2", Request({Integer({2}), Good()}), &ca::kTimestampVersion},
      {"version 1 in two octets", Request({Integer({0, 1}), Good()}), &ca::kTimestampMalformed},
      {"no imprint", Request({v1}), &ca::kTimestampMalformed},
      {"SHA-1", Request({v1, Imprint(der::OidContent("1.3.14.3.2.26"), {}, 20)}),
       &ca::kTimestampAlgorithm},
      {"SHA3-256", Request({v1, Imprint(der::OidContent("2.16.840.1.101.3.4.2.8"), {}, 32)}),
       &ca::kTimestampAlgorithm},
      {"a short digest", Request({v1, Imprint(schema::oid::kSha256, {}, 31)}),
       &ca::kTimestampMalformed},
      {"a digest of another algorithm", Request({v1, Imprint(schema::oid::kSha512, {}, 32)}),
       &ca::kTimestampMalformed},
      {"parameters not NULL", Request({v1, Imprint(schema::oid::kSha256, Integer({1}), 32)}),
       &ca::kTimestampMalformed},
      {"policy not an OID", Request({v1, Good(), Wrap(der::kOid, Bytes{0x80, 0x01})}),
       &ca::kTimestampMalformed},
      {"policy empty", Request({v1, Good(), Wrap(der::kOid, {})}), &ca::kTimestampMalformed},
      {"nonce empty", Request({v1, Good(), Integer({})}), &ca::kTimestampMalformed},
      {"nonce padded", Request({v1, Good(), Integer({0x00, 0x01})}), &ca::kTimestampMalformed},
      {"nonce padded, negative", Request({v1, Good(), Integer({0xff, 0x80})}),
       &ca::kTimestampMalformed},
      {"nonce too long",
       Request({v1, Good(), Wrap(der::kInteger, Bytes(ca::kNonceBytesMax + 1, 0x11))}),
       &ca::kTimestampMalformed},
      {"nonce before policy", Request({v1, Good(), Integer({5}), Wrap(der::kOid, Bytes{0x2a})}),
       &ca::kTimestampMalformed},
      {"certReq 01", Request({v1, Good(), Wrap(der::kBoolean, Bytes{0x01})}),
       &ca::kTimestampMalformed},
      {"certReq twice", Request({v1, Good(), yes, yes}), &ca::kTimestampMalformed},
      {"extensions", Request({v1, Good(), yes, Wrap(der::ContextConstructed(0), {})}),
       &ca::kTimestampExtension},
      {"behind extensions",
       Request({v1, Good(), Wrap(der::ContextConstructed(0), {}), Integer({1})}),
       &ca::kTimestampMalformed},
      {"too large", Request({v1, Good(), Wrap(der::ContextConstructed(0), Bytes(1024, 0))}),
       &ca::kTimestampMalformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = ca::ParseTimestampRequest(c.request);
    CHECK_EQ(got.has_value(), c.want == nullptr);
    if (!got && c.want != nullptr) CHECK_EQ(got.error().kind->id, c.want->id);
  }
}

TEST_CASE("No prefix of a request is one") {
  const Bytes whole = rig::DerOf(rig::MakeRequest({"SHA512", 77, true, "1.2.3"}).get());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(ca::ParseTimestampRequest(BytesView(whole).first(size)));
  }
}

TEST_CASE("ParseTimestampRequestJson") {
  const std::string hash = schema::Base64(Bytes(32, 0x5a));
  const std::string head = R"({"artifactHash":")" + hash + R"(","hashAlgorithm":"sha256")";
  struct Case {
    const char* name;
    std::string text;
    const schema::ErrorKind* want;
  };
  const Case cases[] = {
      {"the least", head + "}", nullptr},
      {"all", head + R"(,"certificates":true,"nonce":18446744073709551615,"tsaPolicyOID":"1.2.3"})",
       nullptr},
      {"not JSON", "{", &ca::kTimestampMalformed},
      {"an array", "[]", &ca::kTimestampMalformed},
      {"no hash", R"({"hashAlgorithm":"sha256"})", &ca::kTimestampMalformed},
      {"no algorithm", R"({"artifactHash":")" + hash + "\"}", &ca::kTimestampMalformed},
      {"sha1", R"({"artifactHash":")" + hash + R"(","hashAlgorithm":"sha1"})",
       &ca::kTimestampAlgorithm},
      {"another length", R"({"artifactHash":")" + hash + R"(","hashAlgorithm":"sha512"})",
       &ca::kTimestampMalformed},
      {"not base64", R"({"artifactHash":"*","hashAlgorithm":"sha256"})", &ca::kTimestampMalformed},
      {"certificates a text", head + R"(,"certificates":"true"})", &ca::kTimestampMalformed},
      {"nonce negative", head + R"(,"nonce":-1})", &ca::kTimestampMalformed},
      {"nonce too long", head + R"(,"nonce":18446744073709551616})", &ca::kTimestampMalformed},
      {"nonce a fraction", head + R"(,"nonce":1.5})", &ca::kTimestampMalformed},
      {"policy a number", head + R"(,"tsaPolicyOID":1})", &ca::kTimestampMalformed},
      {"unknown member", head + R"(,"certificate":true})", &ca::kTimestampMalformed},
      {"member twice", head + R"(,"hashAlgorithm":"sha256"})", &ca::kTimestampMalformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = ca::ParseTimestampRequestJson(c.text);
    CHECK_EQ(got.has_value(), c.want == nullptr);
    if (!got && c.want != nullptr) CHECK_EQ(got.error().kind->id, c.want->id);
  }
  const auto all = ca::ParseTimestampRequestJson(cases[1].text);
  REQUIRE(all.has_value());
  CHECK_EQ(all->imprint, Good());
  CHECK_EQ(all->nonce, Integer({0, 255, 255, 255, 255, 255, 255, 255, 255}));
  CHECK_EQ(all->policy, "1.2.3");
  CHECK(all->certificates);
}
