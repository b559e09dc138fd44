#include "http/tile_routes.h"

#include "ca/log/issuers.h"
#include "http/problem.h"
#include "schema/log/tile.h"

namespace http {

using schema::Error;
using schema::Result;
using schema::tile::Kind;
using schema::tile::Tile;

const schema::ErrorKind kBadLogPath{
    "path-malformed", schema::Fault::kCaller,
    "a tile is named tile/LEVEL/INDEX, an issuer by 64 lower-case hexadecimal digits"};

namespace {

constexpr std::string_view kTileFolder = "tile/";

Response Immutable(const char* type, schema::BytesView body) {
  return {200,
          type,
          std::string(schema::AsText(body)),
          {{"Cache-Control", "public, max-age=604800, immutable"}}};
}

// What is not there yet will be.
Response Absent(const Error& error, const Request& request) {
  Response response = Problem(error, request.id);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response TileAnswer(const Tile& tile, schema::BytesView bytes) {
  if (tile.kind != Kind::kNames) return Immutable("application/octet-stream", bytes);
  Response response = Immutable("application/jsonl; charset=utf-8", bytes);
  response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

Result<schema::CertDer> FindIssuer(const ca::Reader& reader, std::string_view name) {
  TRY(const ca::Issuers issuers, reader.ReadIssuers());
  for (const ca::Issuer* issuer : issuers.All()) {
    if (schema::Hex(issuer->fingerprint) == name) return issuer->certificate;
  }
  return Error{&ca::kNoSuchEntry, "no issuer of this name"};
}

bool IsFingerprint(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

void AddTiles(const ca::Reader& reader, Router& router, const std::string& prefix,
              ca::LogName log) {
  MUST(prefix.ends_with(kTileFolder));
  const std::size_t before = prefix.size() - kTileFolder.size();
  router.AddBelow("GET", prefix, [&reader, before, log](const Request& request) {
    const auto tile = schema::tile::ParsePath(std::string_view(request.path).substr(before));
    if (!tile) return Problem(Error{&kBadLogPath, ""}, request.id);
    const auto bytes = reader.ReadTile(log, *tile);
    return bytes ? TileAnswer(*tile, *bytes) : Absent(bytes.error(), request);
  });
}

void AddIssued(const ca::Reader& reader, Router& router, const std::string& prefix) {
  router.AddBelow("GET", prefix, [&reader, before = prefix.size()](const Request& request) {
    const auto tile = schema::tile::ParsePath("tile/data/" + request.path.substr(before));
    if (!tile) return Problem(Error{&kBadLogPath, ""}, request.id);
    const auto bytes = reader.ReadIssued(*tile);
    if (!bytes) return Absent(bytes.error(), request);
    return Response{200,
                    "application/octet-stream",
                    std::string(schema::AsText(*bytes)),
                    {{"Cache-Control", "no-store"}}};
  });
}

void AddIssuers(const ca::Reader& reader, Router& router, const std::string& prefix) {
  router.AddBelow("GET", prefix, [&reader, before = prefix.size()](const Request& request) {
    const std::string name = request.path.substr(before);
    if (!IsFingerprint(name)) return Problem(Error{&kBadLogPath, ""}, request.id);
    const auto issuer = FindIssuer(reader, name);
    return issuer ? Immutable("application/pkix-cert", issuer->view())
                  : Absent(issuer.error(), request);
  });
}

}  // namespace http
