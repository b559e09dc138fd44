#include "http/log_routes.h"

#include "ca/log/issuers.h"
#include "ca/log/metadata.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/tile_routes.h"
#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/log/tls.h"

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

// RFC 6962 4.6 extra_data of a precertificate entry: PrecertChainEntry (3.1).
Result<schema::Bytes> ExtraData(const ca::LogEntry& entry, const ca::Issuers& issuers) {
  TRY(const auto above, issuers.Above(entry));
  schema::Bytes chain;
  for (const ca::Issuer* issuer : above) {
    schema::tls::PutOpaque<3>(chain, issuer->certificate.view());
  }
  schema::Bytes out;
  schema::tls::PutOpaque<3>(out, entry.precertificate.view());
  schema::tls::PutOpaque<3>(out, chain);
  return out;
}

Result<Json> GetSth(const ca::Reader& reader, const Query&) {
  TRY(const ca::SignedTreeHead sth, reader.LatestTreeHead(LogName::kCertificates));
  return Json{
      {"tree_size", sth.head.size},
      {"timestamp", sth.head.timestamp.time_since_epoch().count()},
      {"sha256_root_hash", schema::Base64(sth.head.root)},
      {"tree_head_signature", schema::Base64(schema::DigitallySigned(sth.signature.view()))},
  };
}

Result<Json> GetEntries(const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("start"));
  TRY(const std::uint64_t last, query.Number("end"));
  if (first > last) return schema::Error{&kBadQuery, "start is after end"};
  TRY(const auto entries, reader.Entries(first, last));
  TRY(const ca::Issuers issuers, reader.ReadIssuers());
  Json list = Json::array();
  for (const ca::LogEntry& entry : entries) {
    TRY(const schema::Bytes extra_data, ExtraData(entry, issuers));
    list.push_back(
        {{"leaf_input", schema::Base64(entry.leaf)}, {"extra_data", schema::Base64(extra_data)}});
  }
  return Json{{"entries", std::move(list)}};
}

Result<Json> GetProofByHash(const ca::Reader& reader, const Query& query) {
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

Result<Json> GetConsistency(const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t second, query.Number("second"));
  TRY(const auto path, reader.ConsistencyProof(LogName::kCertificates, first, second));
  return Json{{"consistency", Base64List(path)}};
}

Result<Json> GetEntryAndProof(const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t index, query.Number("leaf_index"));
  TRY(const std::uint64_t size, query.Number("tree_size"));
  TRY(const auto path, reader.InclusionProof(LogName::kCertificates, index, size));
  TRY(const ca::LogEntry entry, reader.Entry(index));
  TRY(const ca::Issuers issuers, reader.ReadIssuers());
  TRY(const schema::Bytes extra_data, ExtraData(entry, issuers));
  return Json{{"leaf_input", schema::Base64(entry.leaf)},
              {"extra_data", schema::Base64(extra_data)},
              {"audit_path", Base64List(path)}};
}

Result<Json> GetRoots(const ca::Reader& reader, const Query&) {
  TRY(const ca::Issuers issuers, reader.ReadIssuers());
  Json roots = Json::array();
  for (const ca::Issuer* root : issuers.Roots()) {
    roots.push_back(schema::Base64(root->certificate.view()));
  }
  return Json{{"certificates", std::move(roots)}};
}

Result<Json> GetEvents(const ca::Reader& reader, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t last, query.Number("last"));
  if (first > last) return schema::Error{&kBadQuery, "first is after last"};
  TRY(const auto events, reader.Events(first, last));
  return Json{{"entries", events}};
}

const schema::ErrorKind kNoSubmissions{"no-submissions", schema::Fault::kNotFound,
                                       "this log takes no submissions: it holds the certificates "
                                       "of its own CA, which logs each before "
                                       "it is signed"};

using Answer = Result<Json> (*)(const ca::Reader&, const Query&);

// The routes of one shard. It and the router outlive what is added.
class Shard {
 public:
  Shard(const ca::ServedShard& shard, Router& router) : shard_(shard), router_(router) {}

  std::string Path(const std::string& name) const {
    const bool certificates = shard_.log == LogName::kCertificates;
    return std::string("/log/") + (certificates ? "certificates/" : "events/") + shard_.name + "/" +
           name;
  }

  void Json(const std::string& name, Answer answer) const {
    const ca::Reader& reader = *shard_.reader;
    router_.Add("GET", Path(name), [&reader, answer](const Request& request) {
      const auto query = Query::Parse(request.query);
      if (!query) return Problem(query.error(), request.id);
      const auto json = answer(reader, *query);
      if (!json) return Problem(json.error(), request.id);
      return Response{200, "application/json", json->dump(), {kNoStore}};
    });
  }

  void Checkpoint(const std::string& name) const {
    const ca::Reader& reader = *shard_.reader;
    router_.Add("GET", Path(name), [&reader, log = shard_.log](const Request& request) {
      const auto sth = reader.LatestTreeHead(log);
      if (!sth) return Problem(sth.error(), request.id);
      return Response{200, kText, sth->checkpoint, {kNoStore}};
    });
  }

  // RFC 6962 4.1 and 4.2.
  void Refusal(const std::string& name) const {
    const auto refuse = [](const Request& request) {
      return Problem(schema::Error{&kNoSubmissions, ""}, request.id);
    };
    router_.Add("GET", Path(name), refuse);
    router_.Add("POST", Path(name), refuse);
  }

  void Metadata(const std::string& name, const std::string& public_url) const {
    router_.Add("GET", Path(name),
                [body = ca::LogMetadata(public_url, shard_.name, shard_.origin, shard_.log_key)](
                    const Request&) {
                  return Response{200, "application/json", body, {kNoStore}};
                });
  }

 private:
  const ca::ServedShard& shard_;
  Router& router_;
};

}  // namespace

void AddCertificatesLogRoutes(const Services& services, Router& router) {
  for (const ca::ServedShard& served : services.log.shards()) {
    if (served.log != LogName::kCertificates) continue;
    const Shard shard(served, router);
    shard.Checkpoint("checkpoint");
    shard.Json("ct/v1/get-sth", GetSth);
    shard.Json("ct/v1/get-entries", GetEntries);
    shard.Json("ct/v1/get-proof-by-hash", GetProofByHash);
    shard.Json("ct/v1/get-sth-consistency", GetConsistency);
    shard.Json("ct/v1/get-entry-and-proof", GetEntryAndProof);
    shard.Json("ct/v1/get-roots", GetRoots);
    shard.Refusal("ct/v1/add-chain");
    shard.Refusal("ct/v1/add-pre-chain");
    AddTiles(*served.reader, router, shard.Path("tile/"), served.log);
    AddIssued(*served.reader, router, shard.Path("issued/"));
    AddIssuers(*served.reader, router, shard.Path("issuer/"));
    shard.Metadata("log.v3.json", services.config.public_url);
  }
}

void AddEventsLogRoutes(const Services& services, Router& router) {
  for (const ca::ServedShard& served : services.log.shards()) {
    if (served.log != LogName::kEvents) continue;
    const Shard shard(served, router);
    shard.Checkpoint("checkpoint");
    shard.Json("entries", GetEvents);
    AddTiles(*served.reader, router, shard.Path("tile/"), served.log);
  }
}

}  // namespace http
