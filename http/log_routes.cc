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

Result<Json> GetSth(const Services& services, const Query&) {
  TRY(const ca::SignedTreeHead sth, services.log.reader().LatestTreeHead(LogName::kCertificates));
  return Json{
      {"tree_size", sth.head.size},
      {"timestamp", sth.head.timestamp.time_since_epoch().count()},
      {"sha256_root_hash", schema::Base64(sth.head.root)},
      {"tree_head_signature", schema::Base64(schema::DigitallySigned(sth.signature.view()))},
  };
}

Result<Json> GetEntries(const Services& services, const Query& query) {
  TRY(const std::uint64_t first, query.Number("start"));
  TRY(const std::uint64_t last, query.Number("end"));
  if (first > last) return schema::Error{&kBadQuery, "start is after end"};
  TRY(const auto entries, services.log.reader().Entries(first, last));
  TRY(const ca::Issuers issuers, services.log.reader().ReadIssuers());
  Json list = Json::array();
  for (const ca::LogEntry& entry : entries) {
    TRY(const schema::Bytes extra_data, ExtraData(entry, issuers));
    list.push_back(
        {{"leaf_input", schema::Base64(entry.leaf)}, {"extra_data", schema::Base64(extra_data)}});
  }
  return Json{{"entries", std::move(list)}};
}

Result<Json> GetProofByHash(const Services& services, const Query& query) {
  auto bytes = schema::DecodeBase64Lenient(query.Text("hash"));
  schema::Hash hash;
  if (!bytes || bytes->size() != hash.size()) {
    return schema::Error{&kBadQuery, "hash is not the base64 of 32 octets"};
  }
  std::ranges::copy(*bytes, hash.begin());
  TRY(const std::uint64_t size, query.Number("tree_size"));
  TRY(const std::uint64_t index, services.log.reader().FindLeaf(hash));
  TRY(const auto path, services.log.reader().InclusionProof(LogName::kCertificates, index, size));
  return Json{{"leaf_index", index}, {"audit_path", Base64List(path)}};
}

Result<Json> GetConsistency(const Services& services, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t second, query.Number("second"));
  TRY(const auto path,
      services.log.reader().ConsistencyProof(LogName::kCertificates, first, second));
  return Json{{"consistency", Base64List(path)}};
}

Result<Json> GetEntryAndProof(const Services& services, const Query& query) {
  TRY(const std::uint64_t index, query.Number("leaf_index"));
  TRY(const std::uint64_t size, query.Number("tree_size"));
  TRY(const auto path, services.log.reader().InclusionProof(LogName::kCertificates, index, size));
  TRY(const ca::LogEntry entry, services.log.reader().Entry(index));
  TRY(const ca::Issuers issuers, services.log.reader().ReadIssuers());
  TRY(const schema::Bytes extra_data, ExtraData(entry, issuers));
  return Json{{"leaf_input", schema::Base64(entry.leaf)},
              {"extra_data", schema::Base64(extra_data)},
              {"audit_path", Base64List(path)}};
}

Result<Json> GetRoots(const Services& services, const Query&) {
  TRY(const ca::Issuers issuers, services.log.reader().ReadIssuers());
  Json roots = Json::array();
  for (const ca::Issuer* root : issuers.Roots()) {
    roots.push_back(schema::Base64(root->certificate.view()));
  }
  return Json{{"certificates", std::move(roots)}};
}

Result<Json> GetEvents(const Services& services, const Query& query) {
  TRY(const std::uint64_t first, query.Number("first"));
  TRY(const std::uint64_t last, query.Number("last"));
  if (first > last) return schema::Error{&kBadQuery, "first is after last"};
  TRY(const auto events, services.log.reader().Events(first, last));
  return Json{{"entries", events}};
}

const schema::ErrorKind kNoSubmissions{"no-submissions", schema::Fault::kNotFound,
                                       "this log takes no submissions: it holds the certificates "
                                       "of its own CA, which logs each before "
                                       "it is signed"};

// RFC 6962 4.1 and 4.2.
void AddRefusal(const Services&, Router& router, const std::string& path) {
  const auto refuse = [](const Request& request) {
    return Problem(schema::Error{&kNoSubmissions, ""}, request.id);
  };
  router.Add("GET", path, refuse);
  router.Add("POST", path, refuse);
}

void AddMetadata(const Services& services, Router& router, const std::string& path) {
  router.Add("GET", path,
             [body = ca::LogMetadata(services.config, services.log.keys())](const Request&) {
               return Response{200, "application/json", body, {kNoStore}};
             });
}

using Answer = Result<Json> (*)(const Services&, const Query&);

void AddJson(const Services& services, Router& router, const std::string& path, Answer answer) {
  router.Add("GET", path, [&services, answer](const Request& request) {
    const auto query = Query::Parse(request.query);
    if (!query) return Problem(query.error(), request.id);
    const auto json = answer(services, *query);
    if (!json) return Problem(json.error(), request.id);
    return Response{200, "application/json", json->dump(), {kNoStore}};
  });
}

void AddCheckpoint(const Services& services, Router& router, const std::string& path, LogName log) {
  router.Add("GET", path, [&services, log](const Request& request) {
    const auto sth = services.log.reader().LatestTreeHead(log);
    if (!sth) return Problem(sth.error(), request.id);
    return Response{200, kText, sth->checkpoint, {kNoStore}};
  });
}

}  // namespace

void AddCertificatesLogRoutes(const Services& services, Router& router) {
  const std::string base = "/log/certificates/" + services.config.log.certificates.shard + "/";
  AddCheckpoint(services, router, base + "checkpoint", LogName::kCertificates);
  AddJson(services, router, base + "ct/v1/get-sth", GetSth);
  AddJson(services, router, base + "ct/v1/get-entries", GetEntries);
  AddJson(services, router, base + "ct/v1/get-proof-by-hash", GetProofByHash);
  AddJson(services, router, base + "ct/v1/get-sth-consistency", GetConsistency);
  AddJson(services, router, base + "ct/v1/get-entry-and-proof", GetEntryAndProof);
  AddJson(services, router, base + "ct/v1/get-roots", GetRoots);
  AddRefusal(services, router, base + "ct/v1/add-chain");
  AddRefusal(services, router, base + "ct/v1/add-pre-chain");
  AddTiles(services, router, base + "tile/", LogName::kCertificates);
  AddIssued(services, router, base + "issued/");
  AddIssuers(services, router, base + "issuer/");
  AddMetadata(services, router, base + "log.v3.json");
}

void AddEventsLogRoutes(const Services& services, Router& router) {
  const std::string base = "/log/events/" + services.config.log.events.shard + "/";
  AddCheckpoint(services, router, base + "checkpoint", LogName::kEvents);
  AddJson(services, router, base + "entries", GetEvents);
  AddTiles(services, router, base + "tile/", LogName::kEvents);
}

}  // namespace http
