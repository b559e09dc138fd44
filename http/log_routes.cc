#include "http/log_routes.h"

#include <algorithm>

#include "http/problem.h"
#include "http/query.h"
#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/log/leaf.h"

namespace http {
namespace {

using ca::LogName;
using schema::Json;
using schema::Result;

constexpr const char* kText = "text/plain; charset=utf-8";
// A checkpoint is replaced every second; a proof or an entry never changes but is cheap to ask
// again.
const std::pair<std::string, std::string> kNoStore = {"Cache-Control", "no-store"};

Json Base64List(const std::vector<schema::Hash>& hashes) {
  Json out = Json::array();
  for (const schema::Hash& hash : hashes) out.push_back(schema::Base64(hash));
  return out;
}

void AppendLength24(schema::Bytes& out, std::size_t n) {
  out.push_back(static_cast<std::uint8_t>(n >> 16));
  out.push_back(static_cast<std::uint8_t>(n >> 8));
  out.push_back(static_cast<std::uint8_t>(n));
}

void AppendCertificate(schema::Bytes& out, schema::BytesView der) {
  AppendLength24(out, der.size());
  out.insert(out.end(), der.begin(), der.end());
}

// RFC 6962 4.6 extra_data of a precertificate entry: PrecertChainEntry, whose chain starts with the
// certificate of the key that signed it (3.1).
Result<schema::Bytes> ExtraData(const ca::LogEntry& entry, const ca::IssuingCas& cas) {
  TRY(const schema::Leaf leaf, schema::ParseLeaf(entry.leaf));
  const ca::IssuingCa* ca = cas.Find(leaf.issuer_key_hash);
  if (ca == nullptr) return schema::Error{&ca::kBadRotation, "it lacks the CA of an entry"};
  schema::Bytes issuers;
  if (entry.precertificate_signer) AppendCertificate(issuers, entry.precertificate_signer->view());
  for (const schema::CertDer& certificate : ca->chain.certificates) {
    AppendCertificate(issuers, certificate.view());
  }
  schema::Bytes out;
  AppendCertificate(out, entry.precertificate.view());
  AppendLength24(out, issuers.size());
  out.insert(out.end(), issuers.begin(), issuers.end());
  return out;
}

Result<Json> GetSth(const Services&, const ca::Reader& reader, const Query&) {
  TRY(const ca::SignedTreeHead sth, reader.LatestTreeHead(LogName::kCertificates));
  return Json{
      {"tree_size", sth.head.size},
      {"timestamp", sth.head.timestamp.time_since_epoch().count()},
      {"sha256_root_hash", schema::Base64(sth.head.root)},
      {"tree_head_signature", schema::Base64(schema::DigitallySigned(sth.signature.view()))},
  };
}

Result<Json> GetEntries(const Services& services, const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("start"));
  TRY(const std::uint64_t last, query.Number("end"));
  if (first > last) return schema::Error{&kBadQuery, "start is after end"};
  TRY(const auto entries, reader.Entries(first, last));
  const auto cas = services.cas.Now();
  Json list = Json::array();
  for (const ca::LogEntry& entry : entries) {
    TRY(const schema::Bytes extra_data, ExtraData(entry, *cas));
    list.push_back(
        {{"leaf_input", schema::Base64(entry.leaf)}, {"extra_data", schema::Base64(extra_data)}});
  }
  return Json{{"entries", std::move(list)}};
}

Result<Json> GetProofByHash(const Services&, const ca::Reader& reader, const Query& query) {
  auto bytes = schema::DecodeBase64Lenient(query.Text("hash"));
  schema::Hash hash;
  if (!bytes || bytes->size() != hash.size()) {
    return schema::Error{&kBadQuery, "hash is not the base64 of 32 octets"};
  }
  std::ranges::copy(*bytes, hash.begin());
  TRY(const std::uint64_t size, query.Number("tree_size"));
  TRY(const std::uint64_t index, reader.FindLeaf(hash));
  TRY(const auto path, reader.InclusionProof(LogName::kCertificates, index, size));
  return Json{{"leaf_index", index}, {"audit_path", Base64List(path)}};
}

Result<Json> GetConsistency(const Services&, const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t second, query.Number("second"));
  TRY(const auto path, reader.ConsistencyProof(LogName::kCertificates, first, second));
  return Json{{"consistency", Base64List(path)}};
}

Result<Json> GetEntryAndProof(const Services& services, const ca::Reader& reader,
                              const Query& query) {
  TRY(const std::uint64_t index, query.Number("leaf_index"));
  TRY(const std::uint64_t size, query.Number("tree_size"));
  TRY(const auto path, reader.InclusionProof(LogName::kCertificates, index, size));
  TRY(const ca::LogEntry entry, reader.Entry(index));
  TRY(const schema::Bytes extra_data, ExtraData(entry, *services.cas.Now()));
  return Json{{"leaf_input", schema::Base64(entry.leaf)},
              {"extra_data", schema::Base64(extra_data)},
              {"audit_path", Base64List(path)}};
}

Result<Json> GetRoots(const Services& services, const ca::Reader&, const Query&) {
  const auto cas = services.cas.Now();
  Json roots = Json::array();
  for (const auto& ca : cas->all()) {
    Json root = schema::Base64(ca->chain.certificates.back().view());
    if (std::ranges::find(roots, root) == roots.end()) roots.push_back(std::move(root));
  }
  return Json{{"certificates", std::move(roots)}};
}

Result<Json> GetEvents(const Services&, const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t last, query.Number("last"));
  if (first > last) return schema::Error{&kBadQuery, "first is after last"};
  TRY(const auto events, reader.Events(first, last));
  return Json{{"entries", events}};
}

using Answer = Result<Json> (*)(const Services&, const ca::Reader&, const Query&);

// The routes of one shard.
class Shard {
 public:
  Shard(const Services& services, const ca::ServedShard& shard, Router& router)
      : services_(services), shard_(shard), router_(router) {}

  void Json(const std::string& name, Answer answer) {
    const Services& services = services_;
    const ca::Reader& reader = *shard_.reader;
    router_.Add("GET", Path(name), [&services, &reader, answer](const Request& request) {
      const auto query = Query::Parse(request.query);
      if (!query) return Problem(query.error(), request.id);
      const auto json = answer(services, reader, *query);
      if (!json) return Problem(json.error(), request.id);
      return Response{200, "application/json", json->dump(), {kNoStore}};
    });
  }

  void Checkpoint() {
    const ca::Reader& reader = *shard_.reader;
    router_.Add("GET", Path("checkpoint"), [&reader, log = shard_.log](const Request& request) {
      const auto sth = reader.LatestTreeHead(log);
      if (!sth) return Problem(sth.error(), request.id);
      return Response{200, kText, sth->checkpoint, {kNoStore}};
    });
  }

 private:
  std::string Path(const std::string& name) const {
    const bool certificates = shard_.log == LogName::kCertificates;
    return std::string("/log/") + (certificates ? "certificates/" : "events/") + shard_.name + "/" +
           name;
  }

  const Services& services_;
  const ca::ServedShard& shard_;
  Router& router_;
};

}  // namespace

void AddCertificatesLogRoutes(const Services& services, Router& router) {
  for (const ca::ServedShard& served : services.log.shards()) {
    if (served.log != LogName::kCertificates) continue;
    Shard shard(services, served, router);
    shard.Checkpoint();
    shard.Json("ct/v1/get-sth", GetSth);
    shard.Json("ct/v1/get-entries", GetEntries);
    shard.Json("ct/v1/get-proof-by-hash", GetProofByHash);
    shard.Json("ct/v1/get-sth-consistency", GetConsistency);
    shard.Json("ct/v1/get-entry-and-proof", GetEntryAndProof);
    shard.Json("ct/v1/get-roots", GetRoots);
  }
}

void AddEventsLogRoutes(const Services& services, Router& router) {
  for (const ca::ServedShard& served : services.log.shards()) {
    if (served.log != LogName::kEvents) continue;
    Shard shard(services, served, router);
    shard.Checkpoint();
    shard.Json("entries", GetEvents);
  }
}

}  // namespace http
