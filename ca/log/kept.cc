#include "ca/log/kept.h"

#include <algorithm>
#include <cstdint>

#include "ca/log/sqlite.h"
#include "schema/log/tls.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::CertDer;
using schema::Result;

namespace {

constexpr std::uint8_t kByRuns = 0x00;
constexpr std::uint8_t kWhole = 0x30;  // SEQUENCE
// The TBS is octet 47 of the leaf and octet 4 of its certificate.
constexpr std::size_t kAhead = 43;
// A shorter run would not pay for the four octets of its lengths.
constexpr std::size_t kRunMin = 8;
constexpr std::size_t kSizeMax = 0xffff;

// How many octets of both are the same from `at` on.
std::size_t SameFrom(BytesView base, BytesView bytes, std::size_t at) {
  if (at >= base.size()) return 0;
  const auto a = bytes.subspan(at), b = base.subspan(at);
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

Bytes Keep(BytesView leaf, BytesView certificate) {
  MUST(!certificate.empty());
  if (certificate.size() > kSizeMax) {
    MUST(certificate.front() == kWhole);
    return schema::ToBytes(certificate);
  }
  const BytesView base = leaf.subspan(std::min(kAhead, leaf.size()));
  Bytes out = {kByRuns};
  for (std::size_t at = 0; at < certificate.size();) {
    const std::size_t same = SameFrom(base, certificate, at);
    const std::size_t own = at + same;
    for (at = own; at < certificate.size(); ++at) {
      if (at < base.size() && certificate[at] == base[at] &&
          SameFrom(base, certificate, at) >= kRunMin) {
        break;
      }
    }
    schema::tls::PutUint<2>(out, same);
    schema::tls::PutOpaque<2>(out, certificate.subspan(own, at - own));
  }
  return out;
}

Result<CertDer> Restore(BytesView leaf, BytesView kept) {
  if (!kept.empty() && kept.front() == kWhole) return CertDer(schema::ToBytes(kept));
  const BytesView base = leaf.subspan(std::min(kAhead, leaf.size()));
  schema::tls::Reader reader(kept);
  Bytes out;
  bool good = reader.Uint<1>() == kByRuns;
  while (good && !reader.AtEnd()) {
    const auto same = reader.Uint<2>();
    const auto own = reader.Opaque<2>();
    good = same && own && (*same == 0 || out.size() + *same <= base.size());
    if (!good) break;
    const BytesView shared = *same == 0 ? BytesView() : base.subspan(out.size(), *same);
    schema::tls::Put(out, shared);
    schema::tls::Put(out, *own);
  }
  if (!good || out.empty()) return schema::Error{&sqlite::kBroken, "a kept certificate is damaged"};
  return CertDer(std::move(out));
}

}  // namespace ca
