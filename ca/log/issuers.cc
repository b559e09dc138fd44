#include "ca/log/issuers.h"

#include <algorithm>

#include "ca/log/store.h"
#include "ca/tbs_facts.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"
#include "schema/log/leaf.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::CertDer;
using schema::Error;
using schema::Result;
namespace der = schema::der;

namespace {

// Columns: owner in two parts, first, chain.
constexpr const char* kIssuingSql =
    "SELECT key_hash, x'', first, chain FROM issuer_chain ORDER BY key_hash, first";
constexpr const char* kSignersSql =
    "SELECT subject, key_id, first, certificate FROM precertificate_signer "
    "ORDER BY subject, key_id, first";

Bytes Join(BytesView a, BytesView b) {
  Bytes out = schema::ToBytes(a);
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

// What a precertificate says of its issuer: name, then key id.
Result<Bytes> SignerOf(const CertDer& precertificate) {
  const auto tbs = der::Reader(precertificate.view()).Enter(der::kSequence);
  if (!tbs) return AsBadTbs(tbs.error());
  const auto element = der::Reader(*tbs).Expect(der::kSequence);
  if (!element) return AsBadTbs(element.error());
  TRY(const TbsParts parts, CutTbs(element->whole));
  const auto authority = std::ranges::find_if(parts.extensions, [](const Extension& extension) {
    return schema::Equal(extension.oid, schema::oid::kAuthorityKeyId);
  });
  if (authority == parts.extensions.end()) {
    return Error{&kBadTbs, "a precertificate has no AuthorityKeyIdentifier"};
  }
  TRY(const BytesView key_id, ReadAki(*authority));
  return Join(parts.issuer, key_id);
}

Result<std::vector<CertDer>> SplitChain(BytesView joined) {
  std::vector<CertDer> out;
  der::Reader reader(joined);
  while (!reader.AtEnd()) {
    const auto element = reader.Expect(der::kSequence);
    if (!element) return Error{&sqlite::kBroken, "a stored chain is no list of certificates"};
    out.emplace_back(schema::ToBytes(element->whole));
  }
  if (out.empty()) return Error{&sqlite::kBroken, "a stored chain is empty"};
  return out;
}

}  // namespace

Result<Issuers> Issuers::Read(sqlite::Connection& connection, std::int64_t shard) {
  Issuers issuers;
  issuers.shard_ = shard;
  const std::pair<const char*, std::vector<Chain>*> tables[] = {{kIssuingSql, &issuers.issuing_},
                                                                {kSignersSql, &issuers.signers_}};
  for (const auto& [sql, chains] : tables) {
    TRY(sqlite::Statement rows, connection.Prepare(sql));
    while (true) {
      TRY(const bool row, rows.Next());
      if (!row) break;
      Chain& chain =
          chains->emplace_back(Chain{Join(rows.Blob(0), rows.Blob(1)), rows.Integer(2), {}});
      TRY(auto certificates, SplitChain(rows.Blob(3)));
      for (CertDer& certificate : certificates) {
        const schema::Hash fingerprint = schema::Sha256(certificate.view());
        chain.certificates.push_back({std::move(certificate), fingerprint});
      }
    }
  }
  return issuers;
}

// The newest that is not newer than the entry; the oldest of an owner is from row 0 on.
const Issuers::Chain* Issuers::InForce(const std::vector<Chain>& chains, BytesView owner,
                                       std::int64_t id) {
  const Chain* found = nullptr;
  for (const Chain& chain : chains) {
    if (chain.first <= id && schema::Equal(chain.owner, owner)) found = &chain;
  }
  return found;
}

Result<std::vector<const Issuer*>> Issuers::Above(const LogEntry& entry) const {
  std::vector<const Issuer*> out;
  const auto append = [&out](const Chain& chain) {
    for (const Issuer& issuer : chain.certificates) out.push_back(&issuer);
  };
  const std::int64_t id = RowId(shard_, entry.index);
  if (!signers_.empty()) {
    TRY(const Bytes owner, SignerOf(entry.precertificate));
    if (const Chain* signer = InForce(signers_, owner, id)) append(*signer);
  }
  TRY(const schema::Leaf leaf, schema::ParseLeaf(entry.leaf));
  const Chain* issuing = InForce(issuing_, leaf.issuer_key_hash, id);
  if (issuing == nullptr) {
    return Error{&sqlite::kBroken,
                 "the chain of entry " + std::to_string(entry.index) + " is missing"};
  }
  append(*issuing);
  return out;
}

namespace {

void AppendOnce(const Issuer& issuer, std::vector<const Issuer*>& out) {
  const auto same = [&](const Issuer* other) { return other->fingerprint == issuer.fingerprint; };
  if (std::ranges::none_of(out, same)) out.push_back(&issuer);
}

}  // namespace

const Issuer* Issuers::Find(const schema::Hash& fingerprint) const {
  const std::vector<const Issuer*> all = All();
  const auto found = std::ranges::find_if(
      all, [&](const Issuer* issuer) { return issuer->fingerprint == fingerprint; });
  return found == all.end() ? nullptr : *found;
}

std::vector<const Issuer*> Issuers::All() const {
  std::vector<const Issuer*> out;
  for (const auto* chains : {&signers_, &issuing_}) {
    for (const Chain& chain : *chains) {
      for (const Issuer& issuer : chain.certificates) AppendOnce(issuer, out);
    }
  }
  return out;
}

std::vector<const Issuer*> Issuers::Roots() const {
  std::vector<const Issuer*> out;
  for (const Chain& chain : issuing_) AppendOnce(chain.certificates.back(), out);
  return out;
}

}  // namespace ca
