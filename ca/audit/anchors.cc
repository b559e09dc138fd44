#include "ca/audit/anchors.h"

#include <algorithm>
#include <string>

#include "ca/audit/certificate.h"
#include "schema/base/base64.h"
#include "schema/base/json.h"

namespace ca::audit {

using schema::BytesView;
using schema::Error;
using schema::Hash;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadAnchors{"bad-trust-document", schema::Fault::kCaller,
                                    "a trust document cannot be used"};

namespace {

constexpr schema::JsonLimits kLimits{.bytes = std::size_t{16} << 20};

Error Bad(const std::string& where, const std::string& why) {
  return Error{&kBadAnchors, where + ": " + why};
}

// A member of an object, or null where there is none.
const Json& Member(const Json& value, const char* name) {
  static const Json kNone;
  if (!value.is_object()) return kNone;
  const auto member = value.find(name);
  return member == value.end() ? kNone : *member;
}

Result<Authority> ReadAuthority(const Json& first, const std::string& where) {
  const Json& raw = Member(first, "rawBytes");
  if (!raw.is_string()) return Bad(where, "no rawBytes");
  const auto der = schema::DecodeBase64Lenient(raw.get_ref<const std::string&>());
  if (!der) return Bad(where, "rawBytes is not base64");
  const auto certificate = ReadCertificate(*der);
  if (!certificate) return Bad(where, certificate.error().detail);
  const Tbs& tbs = certificate->tbs;
  auto key = PublicKey::Load(tbs.fields[kSpki]);
  if (!key) return Bad(where, std::string(key.error().kind->text));
  return Authority{schema::CertDer(*der), schema::NameDer(schema::ToBytes(tbs.fields[kSubject])),
                   schema::Sha256(*der),  schema::Sha256(tbs.fields[kSpki]),
                   tbs.not_before,        tbs.not_after,
                   *std::move(key)};
}

Outcome ReadAuthorities(std::string_view text, Anchors& anchors) {
  const auto root = schema::ParseJson(text, kLimits);
  if (!root) return Bad("trusted root", root.error().detail);
  const Json& authorities = Member(*root, "certificateAuthorities");
  if (!authorities.is_array() || authorities.empty()) {
    return Bad("trusted root", "no certificateAuthorities");
  }
  for (std::size_t i = 0; i < authorities.size(); ++i) {
    const std::string where = "trusted root certificateAuthorities[" + std::to_string(i) + "]";
    const Json& chain = Member(Member(authorities[i], "certChain"), "certificates");
    if (!chain.is_array() || chain.empty()) return Bad(where, "no certChain.certificates");
    TRY(Authority authority, ReadAuthority(chain[0], where));
    anchors.authorities.push_back(std::move(authority));
  }
  return schema::Ok();
}

Outcome ReadKey(std::string_view line, const std::string& where, Anchors& anchors) {
  auto key = schema::ParseVerifierKey(line);
  if (!key) return Bad(where, key.error().detail);
  switch (key->type) {
    case schema::NoteKeyType::kEd25519:
      anchors.notes.push_back(*std::move(key));
      return schema::Ok();
    case schema::NoteKeyType::kCosignature:
      anchors.witnesses.push_back(*std::move(key));
      return schema::Ok();
    case schema::NoteKeyType::kTreeHead:
      break;
  }
  auto spki = PublicKey::Load(key->key);
  if (!spki) return Bad(where, std::string(spki.error().kind->text));
  const Hash log_id = schema::Sha256(key->key);
  anchors.logs.push_back({*std::move(key), log_id, *std::move(spki)});
  return schema::Ok();
}

Outcome ReadKeys(std::string_view text, Anchors& anchors) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    TRY(ReadKey(line, "keys line " + std::to_string(number), anchors));
  }
  return schema::Ok();
}

}  // namespace

const Authority* Anchors::FindAuthority(const Hash& key_hash) const {
  const auto found = std::ranges::find(authorities, key_hash, &Authority::key_hash);
  return found == authorities.end() ? nullptr : &*found;
}

const LogKey* Anchors::FindLog(std::string_view origin) const {
  const auto found = std::ranges::find_if(
      logs, [origin](const LogKey& log) { return log.verifier.name == origin; });
  return found == logs.end() ? nullptr : &*found;
}

const schema::VerifierKey* Anchors::FindNote(std::string_view origin) const {
  const auto found = std::ranges::find_if(
      notes, [origin](const schema::VerifierKey& key) { return key.name == origin; });
  return found == notes.end() ? nullptr : &*found;
}

Result<Anchors> ReadAnchors(std::string_view trusted_root, std::string_view keys) {
  Anchors anchors;
  TRY(ReadAuthorities(trusted_root, anchors));
  TRY(ReadKeys(keys, anchors));
  return anchors;
}

}  // namespace ca::audit
