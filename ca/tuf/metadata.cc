#include "ca/tuf/metadata.h"

#include <algorithm>
#include <utility>

#include "ca/issuer_key.h"
#include "ca/pem.h"
#include "ca/spki.h"

namespace ca::tuf {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadMetadata{"tuf-metadata", schema::Fault::kUs,
                                     "the TUF repository is not as it has to be"};

namespace {

constexpr const char* kSpecification = "1.0.33";
constexpr std::size_t kDocumentMax = 1 << 20;

Error Bad(std::string_view what, const std::string& why) {
  return {&kBadMetadata, std::string(what) + ": " + why};
}

void AppendCanonical(const Json& value, std::string& out) {
  if (value.is_object()) {
    out += '{';
    for (bool first = true; const auto& [name, member] : value.items()) {  // sorted by their octets
      if (!std::exchange(first, false)) out += ',';
      AppendCanonical(name, out);
      out += ':';
      AppendCanonical(member, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (bool first = true; const Json& member : value) {
      if (!std::exchange(first, false)) out += ',';
      AppendCanonical(member, out);
    }
    out += ']';
  } else if (value.is_string()) {
    out += '"';
    for (const char c : value.get_ref<const std::string&>()) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  } else {
    MUST(value.is_number_integer() || value.is_boolean());
    out += value.dump();
  }
}

bool HasCanonicalForm(const Json& value) {
  if (value.is_structured()) return std::ranges::all_of(value, HasCanonicalForm);
  return value.is_string() || value.is_number_integer() || value.is_boolean();
}

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<schema::Bytes> FromHex(std::string_view text, std::string_view what) {
  schema::Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = Digit(text[i]), low = Digit(text[i + 1]);
    if (high < 0 || low < 0) break;
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  if (out.size() * 2 != text.size()) return Bad(what, "a signature is not hexadecimal");
  return out;
}

const Json* Find(const Json& object, const char* name, Json::value_t type) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  if (found == object.end()) return nullptr;
  const bool number = type == Json::value_t::number_unsigned && found->is_number_unsigned();
  return number || found->type() == type ? &*found : nullptr;
}

Result<Terms> ReadTerms(const Json& roles, Role role, const std::map<std::string, Key>& keys) {
  const std::string name(NameOf(role));
  const Json* const object = Find(roles, name.c_str(), Json::value_t::object);
  const Json* const ids = object ? Find(*object, "keyids", Json::value_t::array) : nullptr;
  const Json* const least =
      object ? Find(*object, "threshold", Json::value_t::number_unsigned) : nullptr;
  if (ids == nullptr || least == nullptr) return Bad("root", "role " + name + " is incomplete");
  Terms terms;
  for (const Json& id : *ids) {
    if (!id.is_string() || !keys.contains(id.get<std::string>())) {
      return Bad("root", "role " + name + " names a key that is not there");
    }
    terms.keys.push_back(id.get<std::string>());
  }
  terms.threshold = least->get<std::size_t>();
  if (terms.threshold < 1 || terms.threshold > terms.keys.size()) {
    return Bad("root", "role " + name + " asks for more signatures than it has keys, or for none");
  }
  return terms;
}

}  // namespace

std::string_view NameOf(Role role) {
  switch (role) {
    case Role::kRoot:
      return "root";
    case Role::kTargets:
      return "targets";
    case Role::kSnapshot:
      return "snapshot";
    case Role::kTimestamp:
      break;
  }
  return "timestamp";
}

std::string Canonical(const Json& value) {
  std::string out;
  AppendCanonical(value, out);
  return out;
}

Result<Key> KeyOf(const schema::SpkiDer& spki) {
  const auto raw = ReadSpki(spki.view());
  if (!raw || raw->type != KeyType::kP256) return Bad("key", "not ECDSA P-256");
  Json object = {{"keytype", "ecdsa"},
                 {"scheme", "ecdsa-sha2-nistp256"},
                 {"keyval", {{"public", Pem("PUBLIC KEY", spki.view()) + "\n"}}}};
  std::string id = schema::Hex(schema::Sha256(schema::AsBytes(Canonical(object))));
  return Key{std::move(id), spki, std::move(object)};
}

Result<Key> KeyOfPem(std::string_view pem) {
  const auto blocks = ParsePem(pem, 1);
  if (!blocks) return Bad("key", blocks.error().detail);
  if (blocks->front().label != "PUBLIC KEY") return Bad("key", "not a PUBLIC KEY in PEM");
  return KeyOf(schema::SpkiDer(blocks->front().der));
}

Result<Document> ParseDocument(std::string_view text, std::string_view name) {
  auto json = schema::ParseJson(text, {.bytes = kDocumentMax});
  if (!json) return Bad(name, json.error().detail);
  const Json* const part = Find(*json, "signed", Json::value_t::object);
  const Json* const signatures = Find(*json, "signatures", Json::value_t::array);
  if (part == nullptr || signatures == nullptr) return Bad(name, "no document of TUF");
  if (!HasCanonicalForm(*part)) return Bad(name, "has null or a fraction");
  Document out;
  for (const Json& one : *signatures) {
    const Json* const id = Find(one, "keyid", Json::value_t::string);
    const Json* const octets = Find(one, "sig", Json::value_t::string);
    if (id == nullptr || octets == nullptr) return Bad(name, "a signature is incomplete");
    TRY(schema::Bytes signature, FromHex(octets->get_ref<const std::string&>(), name));
    const bool added =
        out.signatures.emplace(id->get<std::string>(), schema::Signature(std::move(signature)))
            .second;
    if (!added) return Bad(name, "two signatures of one key");
  }
  out.part = *part;
  return out;
}

std::string FormatDocument(const Document& document) {
  Json signatures = Json::array();
  for (const auto& [id, signature] : document.signatures) {
    signatures.push_back({{"keyid", id}, {"sig", schema::Hex(signature.view())}});
  }
  return Json{{"signed", document.part}, {"signatures", std::move(signatures)}}.dump(1) + "\n";
}

Result<Head> HeadOf(const Document& document, Role role) {
  const std::string_view name = NameOf(role);
  const Json* const type = Find(document.part, "_type", Json::value_t::string);
  if (type == nullptr || *type != name) return Bad(name, "_type is another");
  const Json* const version = Find(document.part, "version", Json::value_t::number_unsigned);
  const Json* const expires = Find(document.part, "expires", Json::value_t::string);
  if (version == nullptr || expires == nullptr) return Bad(name, "no version, or does not expire");
  const auto time = schema::ParseTime(expires->get_ref<const std::string&>());
  if (!time) return Bad(name, "expires: " + time.error().detail);
  return Head{version->get<std::uint64_t>(), *time};
}

Json MakePart(Role role, const Head& head) {
  return {{"_type", NameOf(role)},
          {"spec_version", kSpecification},
          {"version", head.version},
          {"expires", schema::Rfc3339(head.expires)}};
}

Result<Root> ReadRoot(const Document& document) {
  Root root;
  TRY(root.head, HeadOf(document, Role::kRoot));
  const Json* const keys = Find(document.part, "keys", Json::value_t::object);
  const Json* const roles = Find(document.part, "roles", Json::value_t::object);
  if (keys == nullptr || roles == nullptr) return Bad("root", "no keys or no roles");
  for (const auto& [id, object] : keys->items()) {
    const Json* const value = Find(object, "keyval", Json::value_t::object);
    const Json* const pem = value ? Find(*value, "public", Json::value_t::string) : nullptr;
    if (pem == nullptr) return Bad("root", "key " + id + " has no public key");
    TRY(Key key, KeyOfPem(pem->get_ref<const std::string&>()));
    if (key.id != id || key.object != object) return Bad("root", "key " + id + " is another");
    root.keys.emplace(id, std::move(key));
  }
  for (const Role role : kRoles) {
    TRY(root.roles[role], ReadTerms(*roles, role, root.keys));
  }
  return root;
}

Json WriteRoot(const Root& root) {
  Json keys = Json::object(), roles = Json::object();
  for (const auto& [role, terms] : root.roles) {
    for (const std::string& id : terms.keys) keys[id] = root.keys.at(id).object;
    roles[std::string(NameOf(role))] = {{"keyids", terms.keys}, {"threshold", terms.threshold}};
  }
  Json part = MakePart(Role::kRoot, root.head);
  part["consistent_snapshot"] = true;
  part["keys"] = std::move(keys);
  part["roles"] = std::move(roles);
  return part;
}

Result<std::map<std::string, std::string>> ReadTargets(const Document& document) {
  TRY(HeadOf(document, Role::kTargets));
  const Json* const targets = Find(document.part, "targets", Json::value_t::object);
  if (targets == nullptr) return Bad("targets", "no targets");
  std::map<std::string, std::string> digests;
  for (const auto& [name, target] : targets->items()) {
    const Json* const hashes = Find(target, "hashes", Json::value_t::object);
    const Json* const digest = hashes ? Find(*hashes, "sha256", Json::value_t::string) : nullptr;
    const auto octets = digest ? FromHex(digest->get_ref<const std::string&>(), name)
                               : Result<schema::Bytes>(Bad(name, "no SHA-256"));
    const bool plain = !name.empty() && name.find('/') == std::string::npos;
    if (!plain || !octets || octets->size() != std::tuple_size_v<schema::Hash>) {
      return Bad("targets", "'" + name + "' has no SHA-256, or is no file's name");
    }
    digests.emplace(name, digest->get<std::string>());
  }
  return digests;
}

std::size_t CountSigned(const Document& document, const Root& root, Role role) {
  const std::string canonical = Canonical(document.part);
  const std::vector<std::string>& ids = root.roles.at(role).keys;
  return static_cast<std::size_t>(std::ranges::count_if(ids, [&](const std::string& id) {
    const auto signature = document.signatures.find(id);
    if (signature == document.signatures.end()) return false;
    const auto key = IssuerKey::Load(root.keys.at(id).spki);
    return key && key->Verify(schema::AsBytes(canonical), signature->second).has_value();
  }));
}

Outcome CheckSigned(const Document& document, const Root& root, Role role) {
  const std::size_t wanted = root.roles.at(role).threshold;
  const std::size_t found = CountSigned(document, root, role);
  if (found >= wanted) return schema::Ok();
  return Bad(NameOf(role), "has " + std::to_string(found) + " of " + std::to_string(wanted) +
                               " signatures that version " + std::to_string(root.head.version) +
                               " of the root asks for");
}

}  // namespace ca::tuf
