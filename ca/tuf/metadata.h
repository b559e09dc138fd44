// TUF metadata (The Update Framework, specification 1.0.33): documents, keys, signatures, and the
// root that says which keys a role has.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::tuf {

extern const schema::ErrorKind kBadMetadata;  // kUs: the detail names the document and the member

enum class Role { kRoot, kTargets, kSnapshot, kTimestamp };
inline constexpr std::array<Role, 4> kRoles = {Role::kRoot, Role::kTargets, Role::kSnapshot,
                                               Role::kTimestamp};
std::string_view NameOf(Role role);

// OLPC canonical JSON, which is what signatures and key ids are over (4.2): sorted names, no white
// space, and in strings nothing escaped but '"' and '\'. Objects, arrays, strings, integers and
// booleans only.
std::string Canonical(const schema::Json& value);

// ECDSA P-256 (4.2: keytype ecdsa, scheme ecdsa-sha2-nistp256, the key in PEM).
struct Key {
  std::string id;  // SHA-256 of the canonical object, hexadecimal
  schema::SpkiDer spki;
  schema::Json object;
};
// kBadMetadata for a key of another kind.
schema::Result<Key> KeyOf(const schema::SpkiDer& spki);
schema::Result<Key> KeyOfPem(std::string_view pem);

// A document with its signatures.
struct Document {
  schema::Json part;                                    // "signed"
  std::map<std::string, schema::Signature> signatures;  // by key id
};
// kBadMetadata, with `name` before the reason; also for values that Canonical has no form for. Safe
// on any bytes.
schema::Result<Document> ParseDocument(std::string_view text, std::string_view name);
std::string FormatDocument(const Document& document);

// Members that every role has (4.3). kBadMetadata unless the document is of this role.
struct Head {
  std::uint64_t version;
  schema::Time expires;
};
schema::Result<Head> HeadOf(const Document& document, Role role);
schema::Json MakePart(Role role, const Head& head);

struct Terms {
  std::vector<std::string> keys;  // ids
  std::size_t threshold = 1;
};
struct Root {
  Head head;
  std::map<std::string, Key> keys;  // by id
  std::map<Role, Terms> roles;      // all four
};
schema::Result<Root> ReadRoot(const Document& document);
schema::Json WriteRoot(const Root& root);

// The SHA-256 of each target, hexadecimal, by its name, which is a file's name without a folder.
schema::Result<std::map<std::string, std::string>> ReadTargets(const Document& document);

// How many keys of this role have a signature here that verifies.
std::size_t CountSigned(const Document& document, const Root& root, Role role);
// kBadMetadata, saying how many are missing, while there are fewer than the role's threshold.
schema::Outcome CheckSigned(const Document& document, const Root& root, Role role);

}  // namespace ca::tuf
