#include "ca/tsa/request.h"

#include <algorithm>
#include <utility>

#include "schema/base/base64.h"
#include "schema/base/der.h"
#include "schema/base/json.h"
#include "schema/cms_oids.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Fault;
using schema::Json;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::ErrorKind kTimestampMalformed{"timestamp-malformed", Fault::kCaller,
                                            "the timestamp request is malformed"};
const schema::ErrorKind kTimestampVersion{"timestamp-version", Fault::kCaller,
                                          "the timestamp request is not of version 1"};
const schema::ErrorKind kTimestampAlgorithm{
    "timestamp-algorithm", Fault::kCaller,
    "the message imprint's hash algorithm is none of SHA-256, SHA-384 and SHA-512"};
const schema::ErrorKind kTimestampExtension{"timestamp-extension", Fault::kCaller,
                                            "timestamp requests with extensions are not taken"};

namespace {

Error Malformed(std::string why) { return {&kTimestampMalformed, std::move(why)}; }

// Nothing of the outside calls a DER error by its own name.
template <class T>
Result<T> At(const char* field, Result<T> read) {
  if (read) return read;
  return Malformed(std::string(field) + ": " + read.error().detail);
}

const ImprintAlgorithm* FindByOid(BytesView name) {
  for (const ImprintAlgorithm& algorithm : ImprintAlgorithms()) {
    if (schema::Equal(algorithm.oid, name)) return &algorithm;
  }
  return nullptr;
}

const ImprintAlgorithm* FindByName(std::string_view name) {
  for (const ImprintAlgorithm& algorithm : ImprintAlgorithms()) {
    if (algorithm.name == name) return &algorithm;
  }
  return nullptr;
}

Outcome CheckDigest(const ImprintAlgorithm& algorithm, std::size_t size) {
  if (size == algorithm.digest_size) return schema::Ok();
  return Malformed("a digest of " + std::to_string(size) + " octets is not " +
                   std::string(algorithm.name));
}

Outcome ReadVersion(der::Reader& fields) {
  TRY(const BytesView version, At("version", fields.UnsignedInteger()));
  if (version.size() == 1 && version[0] == 1) return schema::Ok();
  return Error{&kTimestampVersion, "version " + schema::Hex(version)};
}

Result<const ImprintAlgorithm*> ReadAlgorithm(der::Reader& imprint) {
  TRY(der::Reader fields, At("hashAlgorithm", imprint.Enter(der::kSequence)));
  TRY(const der::Element name, At("hashAlgorithm", fields.Expect(der::kOid)));
  const ImprintAlgorithm* const algorithm = FindByOid(name.content);
  if (algorithm == nullptr) return Error{&kTimestampAlgorithm, der::OidText(name.content)};
  if (fields.AtEnd()) return algorithm;
  TRY(const der::Element none, At("hashAlgorithm parameters", fields.Expect(der::kNull)));
  if (!none.content.empty()) return Malformed("hashAlgorithm parameters: NULL with content");
  TRY(At("hashAlgorithm", fields.End()));
  return algorithm;
}

Outcome ReadImprint(der::Reader& fields, TimestampRequest& out) {
  TRY(const der::Element imprint, At("messageImprint", fields.Expect(der::kSequence)));
  der::Reader parts(imprint.content);
  TRY(out.algorithm, ReadAlgorithm(parts));
  TRY(const der::Element digest, At("hashedMessage", parts.Expect(der::kOctetString)));
  TRY(At("messageImprint", parts.End()));
  TRY(CheckDigest(*out.algorithm, digest.content.size()));
  out.imprint = schema::ToBytes(imprint.whole);
  out.digest = schema::ToBytes(digest.content);
  return schema::Ok();
}

Outcome ReadPolicy(der::Reader& fields, TimestampRequest& out) {
  if (fields.Peek() != der::kOid) return schema::Ok();
  TRY(const der::Element policy, At("reqPolicy", fields.Expect(der::kOid)));
  std::string text = der::OidText(policy.content);
  if (text.find(' ') != std::string::npos) return Malformed("reqPolicy: " + text);
  out.policy = std::move(text);
  return schema::Ok();
}

// X.690 8.3.2: the first nine bits are not all equal.
bool IsMinimal(BytesView integer) {
  if (integer.empty()) return false;
  if (integer.size() == 1) return true;
  const bool negative = integer[1] >= 0x80;
  return integer[0] != (negative ? 0xff : 0x00);
}

Outcome ReadNonce(der::Reader& fields, TimestampRequest& out) {
  if (fields.Peek() != der::kInteger) return schema::Ok();
  TRY(const der::Element nonce, At("nonce", fields.Expect(der::kInteger)));
  if (!IsMinimal(nonce.content)) return Malformed("nonce: INTEGER not minimal");
  if (nonce.content.size() > kNonceBytesMax) return Malformed("nonce: too long");
  out.nonce = schema::ToBytes(nonce.whole);
  return schema::Ok();
}

// The texts of the object's members, checked by type.
Result<std::string> Text(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return Malformed(std::string(name) + ": missing");
  if (!member->is_string()) return Malformed(std::string(name) + ": not a text");
  return member->get<std::string>();
}

Outcome CheckNames(const Json& object) {
  constexpr std::string_view kKnown[] = {"artifactHash", "certificates", "hashAlgorithm", "nonce",
                                         "tsaPolicyOID"};
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(kKnown, name) == std::end(kKnown)) return Malformed("an unknown member");
  }
  return schema::Ok();
}

Bytes ImprintOf(const ImprintAlgorithm& algorithm, BytesView digest) {
  der::Writer out;
  const std::size_t imprint = out.Begin(der::kSequence);
  const std::size_t identifier = out.Begin(der::kSequence);
  out.Oid(algorithm.oid);  // RFC 5754 2: no parameters
  out.End(identifier);
  out.Value(der::kOctetString, digest);
  out.End(imprint);
  return std::move(out).Take();
}

Result<Bytes> NonceOf(const Json& value) {
  if (!value.is_number_unsigned()) return Malformed("nonce: not an integer from 0 to 2^64-1");
  const auto number = value.get<std::uint64_t>();
  std::array<std::uint8_t, 8> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    octets[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  }
  der::Writer out;
  out.UnsignedInteger(octets);
  return std::move(out).Take();
}

Outcome ReadOptions(const Json& object, TimestampRequest& out) {
  if (const auto member = object.find("certificates"); member != object.end()) {
    if (!member->is_boolean()) return Malformed("certificates: not true or false");
    out.certificates = member->get<bool>();
  }
  if (const auto member = object.find("nonce"); member != object.end()) {
    TRY(out.nonce, NonceOf(*member));
  }
  if (object.contains("tsaPolicyOID")) {
    TRY(std::string policy, Text(object, "tsaPolicyOID"));
    if (!policy.empty()) out.policy = std::move(policy);  // Go's zero value: none asked for
  }
  return schema::Ok();
}

}  // namespace

const std::array<ImprintAlgorithm, 3>& ImprintAlgorithms() {
  static const std::array<ImprintAlgorithm, 3> all = {{
      {"sha256", oid::kSha256, 32},
      {"sha384", oid::kSha384, 48},
      {"sha512", oid::kSha512, 64},
  }};
  return all;
}

Result<TimestampRequest> ParseTimestampRequest(BytesView bytes) {
  if (bytes.size() > kTimestampRequestBytesMax) return Malformed("too large");
  der::Reader outer(bytes);
  TRY(der::Reader fields, At("TimeStampReq", outer.Enter(der::kSequence)));
  TRY(At("TimeStampReq", outer.End()));
  TimestampRequest out;
  TRY(ReadVersion(fields));
  TRY(ReadImprint(fields, out));
  TRY(ReadPolicy(fields, out));
  TRY(ReadNonce(fields, out));
  if (fields.Peek() == der::kBoolean) {
    TRY(out.certificates, At("certReq", fields.Boolean()));
  }
  if (fields.Peek() == der::ContextConstructed(0)) {
    TRY(At("extensions", fields.Any()));
    TRY(At("TimeStampReq", fields.End()));
    return Error{&kTimestampExtension, ""};
  }
  TRY(At("TimeStampReq", fields.End()));
  return out;
}

Result<TimestampRequest> ParseTimestampRequestJson(std::string_view text) {
  TRY(const Json object, At("JSON", schema::ParseJson(text, {kTimestampRequestBytesMax, 2})));
  if (!object.is_object()) return Malformed("JSON: not an object");
  TRY(CheckNames(object));
  TRY(const std::string hash, Text(object, "artifactHash"));
  TRY(const std::string name, Text(object, "hashAlgorithm"));
  TimestampRequest out;
  out.algorithm = FindByName(name);
  if (out.algorithm == nullptr) return Error{&kTimestampAlgorithm, "hashAlgorithm"};
  TRY(out.digest, At("artifactHash", schema::DecodeBase64Lenient(hash)));
  TRY(CheckDigest(*out.algorithm, out.digest.size()));
  out.imprint = ImprintOf(*out.algorithm, out.digest);
  TRY(ReadOptions(object, out));
  return out;
}

}  // namespace ca
