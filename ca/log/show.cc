#include "ca/log/show.h"

#include <algorithm>
#include <charconv>

#include "ca/issuer_key.h"
#include "ca/log/sct_of.h"
#include "ca/profile.h"
#include "schema/base/base64.h"
#include "schema/base/der.h"
#include "schema/base/limits.h"
#include "schema/extensions.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Result;

namespace {

// 2^40 - 1 has 13 digits; a serial has about 40.
constexpr std::size_t kIndexDigits = 13;

const char* KindName(schema::San::Kind kind) {
  switch (kind) {
    case schema::San::Kind::kUri:
      return "uri";
    case schema::San::Kind::kEmail:
      return "email";
    case schema::San::Kind::kOtherName:
      return "otherName";
  }
  return "";
}

Result<Json> TbsFactsJson(schema::BytesView tbs) {
  TRY(const TbsFacts facts, ReadTbs(tbs));
  Json extensions = Json::array();
  for (const schema::FulcioExtension& extension : facts.extensions) {
    const schema::FulcioArc* arc = schema::FindArc(extension.arc);
    extensions.push_back({{"oid", "1.3.6.1.4.1.57264.1." + std::to_string(extension.arc)},
                          {"name", arc != nullptr ? std::string(arc->title) : ""},
                          {"value", extension.text}});
  }
  return Json{{"serial", schema::Hex(facts.serial)},
              {"not_before", schema::Rfc3339(facts.not_before)},
              {"not_after", schema::Rfc3339(facts.not_after)},
              {"san", {{"kind", KindName(facts.san.kind)}, {"value", facts.san.value}}},
              {"key_sha256", schema::Hex(schema::Sha256(facts.spki.view()))},
              {"tbs_sha256", schema::Hex(schema::Sha256(tbs))},
              {"extensions", std::move(extensions)}};
}

// Adds "sct" to `facts`; whether it verifies.
Result<bool> AddSct(const LogKeys& keys, const LogEntry& entry, Json& facts) {
  TRY(const schema::Sct sct, SctOf(*entry.certificate));
  TRY(const IssuerKey key, IssuerKey::Load(keys.log_key));
  const bool verified = sct.log_id == keys.log_id && sct.index == entry.index &&
                        key.Verify(entry.leaf, sct.signature).has_value();
  facts["sct"] = {{"log_id", schema::Hex(sct.log_id)},
                  {"timestamp", schema::Rfc3339(sct.timestamp)},
                  {"leaf_index", sct.index},
                  {"verified", verified}};
  return verified;
}

// Adds "inclusion" to `facts`; whether proof and tree head verify.
Result<bool> AddInclusion(const Reader& reader, const LogKeys& keys, const LogEntry& entry,
                          Json& facts) {
  TRY(const SignedTreeHead latest, reader.LatestTreeHead(LogName::kCertificates));
  const schema::TreeHead& head = latest.head;
  if (entry.index >= head.size) {
    facts["inclusion"] = {{"tree_size", head.size}, {"covered", false}};
    return true;
  }
  TRY(const auto proof, reader.InclusionProof(LogName::kCertificates, entry.index, head.size));
  TRY(const IssuerKey key, IssuerKey::Load(keys.log_key));
  const bool included = schema::merkle::VerifyInclusion(schema::LeafHash(entry.leaf), entry.index,
                                                        head.size, proof, head.root)
                            .has_value();
  const bool head_good =
      key.Verify(schema::TreeHeadInput(head.timestamp, head.size, head.root), latest.signature)
          .has_value();
  Json path = Json::array();
  for (const schema::Hash& hash : proof) path.push_back(schema::Base64(hash));
  facts["inclusion"] = {{"tree_size", head.size},
                        {"covered", true},
                        {"root", schema::Base64(head.root)},
                        {"tree_head_time", schema::Rfc3339(head.timestamp)},
                        {"tree_head_verified", head_good},
                        {"audit_path", std::move(path)},
                        {"verified", included}};
  return included && head_good;
}

}  // namespace

Result<std::uint64_t> FindIndex(const Reader& reader, const std::string& shard,
                                const std::string& index_or_serial) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (index_or_serial.size() <= kIndexDigits && !index_or_serial.empty() &&
      std::ranges::all_of(index_or_serial, is_digit)) {
    std::uint64_t index = 0;
    std::from_chars(index_or_serial.data(), index_or_serial.data() + index_or_serial.size(), index);
    return index;
  }
  Search search;
  search.serial = index_or_serial;
  search.count_max = 2;
  TRY(const auto rows, reader.Find(search));
  if (rows.empty()) return Error{&kNoSuchEntry, "no certificate with serial " + index_or_serial};
  if (rows.size() > 1) return Error{&kBadRange, "more than one serial begins with this"};
  if (rows.front().shard != shard) {
    return Error{&kNoSuchEntry, "it is in shard " + rows.front().shard};
  }
  return rows.front().index;
}

Result<Shown> ShowEntry(const Reader& reader, const LogKeys& keys, std::uint64_t index) {
  TRY(const LogEntry entry, reader.Entry(index));
  TRY(const schema::Leaf leaf, schema::ParseLeaf(entry.leaf));
  Json facts = {{"leaf_index", index},
                {"logged", schema::Rfc3339(leaf.timestamp)},
                {"leaf_hash", schema::Base64(schema::LeafHash(entry.leaf))},
                {"precertificate_stored", !entry.precertificate.empty()},
                {"certificate_stored", entry.certificate.has_value()}};
  TRY(facts["tbs"], TbsFactsJson(leaf.tbs.view()));
  bool verified = true;
  if (entry.certificate) {
    facts["certificate_sha256"] = schema::Hex(schema::Sha256(entry.certificate->view()));
    facts["certificate_pem"] = Pem("CERTIFICATE", entry.certificate->view()) + "\n";
    TRY(const bool sct_good, AddSct(keys, entry, facts));
    verified = verified && sct_good;
  }
  TRY(const bool included, AddInclusion(reader, keys, entry, facts));
  verified = verified && included;
  TRY(const auto texts, reader.EventsOf(index));
  facts["events"] = Json::array();
  for (const std::string& text : texts) {
    TRY(Json event, schema::ParseJson(text, {.bytes = schema::limits::kEventBytes}));
    facts["events"].push_back(std::move(event));
  }
  return Shown{std::move(facts), verified};
}

}  // namespace ca
