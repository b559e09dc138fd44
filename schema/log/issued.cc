#include "schema/log/issued.h"

#include "schema/log/tls.h"

namespace schema {

std::string IssuedPath(const tile::Tile& data) {
  constexpr std::string_view kTile = "tile/data/";
  const std::string path = tile::Path(data);
  MUST(path.starts_with(kTile));
  return "issued/" + path.substr(kTile.size());
}

void AppendIssued(Bytes& file, BytesView certificate) { tls::PutOpaque<3>(file, certificate); }

Result<std::vector<BytesView>> ParseIssued(BytesView file) {
  std::vector<BytesView> certificates;
  for (tls::Reader reader(file); !reader.AtEnd();) {
    const auto certificate = reader.Opaque<3>();
    if (!certificate) return Error{&tile::kBadTile, "a certificate is cut off"};
    if (certificates.size() == tile::kWidth) return Error{&tile::kBadTile, "over 256 entries"};
    certificates.push_back(*certificate);
  }
  if (certificates.empty()) return Error{&tile::kBadTile, "empty"};
  return certificates;
}

}  // namespace schema
