#include "ca/audit/entry_check.h"

#include "ca/audit/certificate.h"
#include "schema/base/der.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"

namespace ca::audit {

using schema::BytesView;
using schema::Hash;
using schema::Result;

namespace {

constexpr std::string_view kEkuOid = "2.5.29.37";
constexpr std::string_view kPrecertificateSigningOid = "1.3.6.1.4.1.11129.2.4.4";

// The SCT of the list in the extension of a final certificate (RFC 6962 3.3).
Result<schema::Sct> ReadSct(const Extension& extension) {
  schema::der::Reader reader(extension.value);
  TRY(const auto list, reader.Expect(schema::der::kOctetString));
  TRY(reader.End());
  return schema::ParseSctList(list.content);
}

// Whether the extended key usage is CT precertificate signing alone (RFC 6962 3.1).
bool SignsPrecertificates(const Tbs& tbs) {
  const Extension* eku = tbs.Find(kEkuOid);
  schema::der::Writer wanted;
  const std::size_t mark = wanted.Begin(schema::der::kSequence);
  wanted.Oid(schema::der::OidContent(kPrecertificateSigningOid));
  wanted.End(mark);
  return eku != nullptr && schema::Equal(eku->value, wanted.view());
}

}  // namespace

struct EntryCheck::Work {
  std::string where;
  const schema::tile::TileLeaf& entry;
  const schema::Leaf& leaf;
  const Tbs& tbs;  // of the leaf
  const Authority& authority;
  BytesView certificate;
  Findings& findings;

  void Found(std::string_view id, std::string detail) const {
    findings.Add(id, where, std::move(detail));
  }
};

EntryCheck::EntryCheck(std::string name, const Anchors& anchors, const LogKey& log,
                       const Source& certificates, bool signatures)
    : name_(std::move(name)),
      anchors_(anchors),
      log_(log),
      certificates_(certificates),
      signatures_(signatures) {}

bool EntryCheck::Verifies(const PublicKey& key, BytesView bytes, BytesView signature) const {
  if (!signatures_) return true;
  ++signatures_checked_;
  return key.Verifies(bytes, signature);
}

EntryFacts EntryCheck::Check(std::uint64_t index, const schema::tile::TileLeaf& entry,
                             BytesView certificate, Findings& findings) const {
  EntryFacts facts;
  std::string where = name_ + ' ' + std::to_string(index);
  const auto leaf = schema::ParseLeaf(entry.leaf);
  if (!leaf || leaf->index != index) {
    findings.Add("bad-entry", std::move(where),
                 leaf ? "it says index " + std::to_string(leaf->index) : leaf.error().detail);
    return facts;
  }
  facts.logged = leaf->timestamp;
  facts.issuer_key_hash = leaf->issuer_key_hash;
  facts.tbs_sha256 = schema::Sha256(leaf->tbs.view());
  if (!certificate.empty()) facts.certificate_sha256 = schema::Sha256(certificate);
  const auto tbs = ReadTbs(leaf->tbs.view());
  if (!tbs) {
    findings.Add("bad-entry", std::move(where), tbs.error().detail);
    return facts;
  }
  facts.serial = schema::Hex(tbs->serial);
  facts.not_after = tbs->not_after;
  const Authority* authority = anchors_.FindAuthority(leaf->issuer_key_hash);
  if (authority == nullptr) {
    findings.Add("unknown-issuer", std::move(where), schema::Hex(leaf->issuer_key_hash));
    return facts;
  }
  const Work work{std::move(where), entry, *leaf, *tbs, *authority, certificate, findings};
  if (!schema::Equal(tbs->fields[kIssuer], authority->subject.view())) {
    work.Found("unknown-issuer", "the key is of an authority with another name");
  }
  if (tbs->not_before < authority->not_before || tbs->not_after > authority->not_after) {
    work.Found("outside-validity", "not within that of its CA");
  }
  if (schema::ToSeconds(leaf->timestamp) > tbs->not_after) {
    work.Found("outside-validity", "entered after its end");
  }
  CheckPrecertificate(work);
  if (!certificate.empty()) CheckCertificate(work);
  return facts;
}

void EntryCheck::CheckPrecertificate(const Work& work) const {
  const auto precertificate = ReadCertificate(work.entry.precertificate.view());
  if (!precertificate) {
    return work.Found("bad-precertificate", precertificate.error().detail);
  }
  if (work.entry.chain.empty()) return work.Found("bad-precertificate", "without a chain");
  const bool own = work.entry.chain.front() == work.authority.fingerprint;
  std::shared_ptr<const Signer> signer;
  if (!own) {
    signer = FindSigner(work.entry.chain.front(), work.authority);
    if (!signer->key) return work.Found("bad-precertificate-signer", signer->why);
    if (!schema::Equal(precertificate->tbs.fields[kIssuer], signer->subject.view())) {
      return work.Found("bad-precertificate", "its issuer is not the first of its chain");
    }
  }
  if (const auto part = Difference(work.tbs, precertificate->tbs, kPoisonOid, !own)) {
    work.Found("bad-precertificate", "another " + std::string(*part) + " than its leaf");
  }
  const PublicKey& key = own ? work.authority.key : *signer->key;
  if (!Verifies(key, precertificate->tbs_der, precertificate->signature.view())) {
    work.Found("bad-signature", "of the precertificate");
  }
}

void EntryCheck::CheckCertificate(const Work& work) const {
  const auto certificate = ReadCertificate(work.certificate);
  if (!certificate) return work.Found("bad-certificate", certificate.error().detail);
  if (const auto part = Difference(work.tbs, certificate->tbs, kSctListOid, false)) {
    work.Found("bad-certificate", "another " + std::string(*part) + " than its leaf");
  }
  if (!Verifies(work.authority.key, certificate->tbs_der, certificate->signature.view())) {
    work.Found("bad-signature", "of the certificate");
  }
  const Extension* list = certificate->tbs.Find(kSctListOid);
  if (list == nullptr) return work.Found("bad-sct", "the certificate has none");
  const auto sct = ReadSct(*list);
  if (!sct) return work.Found("bad-sct", sct.error().detail);
  if (sct->log_id != log_.log_id) return work.Found("bad-sct", "of another log");
  if (sct->index != work.leaf.index || sct->timestamp != work.leaf.timestamp) {
    return work.Found("bad-sct", "of another entry");
  }
  if (!Verifies(log_.key, work.entry.leaf, sct->signature.view())) {
    work.Found("bad-sct", "its signature is wrong");
  }
}

std::shared_ptr<const EntryCheck::Signer> EntryCheck::FindSigner(const Hash& fingerprint,
                                                                 const Authority& authority) const {
  // A few in the life of a log: reading one under the lock holds nobody up for long.
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Signer>& signer = signers_[{fingerprint, authority.key_hash}];
  if (!signer) signer = std::make_shared<const Signer>(ReadSigner(fingerprint, authority));
  return signer;
}

EntryCheck::Signer EntryCheck::ReadSigner(const Hash& fingerprint,
                                          const Authority& authority) const {
  const std::string path = "issuer/" + schema::Hex(fingerprint);
  const auto der = certificates_.Read(path);
  if (!der) return {{}, std::nullopt, der.error().detail};
  if (schema::Sha256(*der) != fingerprint) return {{}, std::nullopt, path + " has another digest"};
  const auto certificate = ReadCertificate(*der);
  if (!certificate) return {{}, std::nullopt, path + ": " + certificate.error().detail};
  const Tbs& tbs = certificate->tbs;
  auto key = PublicKey::Load(tbs.fields[kSpki]);
  if (!key || !SignsPrecertificates(tbs) ||
      !schema::Equal(tbs.fields[kIssuer], authority.subject.view()) ||
      !Verifies(authority.key, certificate->tbs_der, certificate->signature.view())) {
    return {{}, std::nullopt, path + " is no precertificate signer of the issuer"};
  }
  return {schema::NameDer(schema::ToBytes(tbs.fields[kSubject])), *std::move(key), ""};
}

}  // namespace ca::audit
