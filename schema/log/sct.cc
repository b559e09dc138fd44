#include "schema/log/sct.h"

#include <algorithm>

#include "schema/log/tls.h"

namespace schema {

const ErrorKind kBadSct{"bad-sct", Fault::kUs, "an SCT or tree head is not one of ours"};

namespace {

constexpr std::uint8_t kSctVersion1[] = {0x00};
constexpr std::uint8_t kSha256Ecdsa[] = {0x04, 0x03};   // RFC 5246 7.4.1.4.1
constexpr std::uint8_t kTreeHeadOfV1[] = {0x00, 0x01};  // v1, tree_hash

Error Bad(std::string_view why) { return Error{&kBadSct, std::string(why)}; }

void PutTimestamp(Bytes& out, TimeMs timestamp) {
  const std::int64_t ms = timestamp.time_since_epoch().count();
  MUST(ms >= 0);
  tls::PutUint<8>(out, static_cast<std::uint64_t>(ms));
}

std::optional<TimeMs> TakeTimestamp(tls::Reader& reader) {
  const auto ms = reader.Uint<8>();
  if (!ms || *ms > kTimestampMax) return std::nullopt;
  return TimeMs(std::chrono::milliseconds(*ms));
}

std::optional<Hash> TakeHash(tls::Reader& reader) {
  const auto bytes = reader.Take(32);
  if (!bytes) return std::nullopt;
  Hash hash;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

// The one element of a list of opaque<1..2^16-1> that fills `bytes`.
std::optional<BytesView> OnlyElement(BytesView bytes) {
  tls::Reader outer(bytes);
  const auto list = outer.Opaque<2>();
  if (!list || !outer.AtEnd()) return std::nullopt;
  tls::Reader inner(*list);
  const auto element = inner.Opaque<2>();
  if (!element || !inner.AtEnd()) return std::nullopt;
  return element;
}

}  // namespace

Bytes EncodeSctList(const Sct& sct) {
  MUST(!sct.signature.empty());
  Bytes one;
  one.reserve(64 + sct.signature.size());
  tls::Put(one, kSctVersion1);
  tls::Put(one, sct.log_id);
  PutTimestamp(one, sct.timestamp);
  tls::PutOpaque<2>(one, LeafIndexExtension(sct.index));
  tls::Put(one, DigitallySigned(sct.signature.view()));
  Bytes out;
  out.reserve(4 + one.size());
  tls::PutUint<2>(out, 2 + one.size());
  tls::PutOpaque<2>(out, one);
  return out;
}

Result<Sct> ParseSctList(BytesView bytes) {
  const auto one = OnlyElement(bytes);
  if (!one) return Bad("not a list of exactly one SCT");
  tls::Reader reader(*one);
  if (!reader.Skip(kSctVersion1)) return Bad("not an SCT of version 1");
  const auto log_id = TakeHash(reader);
  if (!log_id) return Bad("no log id");
  const auto timestamp = TakeTimestamp(reader);
  if (!timestamp) return Bad("no usable timestamp");
  const auto extensions = reader.Opaque<2>();
  if (!extensions) return Bad("no extensions");
  const auto index = ParseLeafIndexExtension(*extensions);
  if (!index) return Bad("extensions other than leaf_index");
  if (!reader.Skip(kSha256Ecdsa)) return Bad("not signed with ECDSA and SHA-256");
  const auto signature = reader.Opaque<2>();
  if (!signature || signature->empty() || !reader.AtEnd()) {
    return Bad("the signature is empty, cut short or followed by something");
  }
  return Sct{*log_id, *timestamp, *index, Signature(ToBytes(*signature))};
}

Bytes TreeHeadInput(TimeMs timestamp, std::uint64_t size, const Hash& root) {
  Bytes out;
  out.reserve(50);
  tls::Put(out, kTreeHeadOfV1);
  PutTimestamp(out, timestamp);
  tls::PutUint<8>(out, size);
  tls::Put(out, root);
  return out;
}

Result<TreeHead> ParseTreeHeadInput(BytesView bytes) {
  tls::Reader reader(bytes);
  if (!reader.Skip(kTreeHeadOfV1)) return Bad("not a version 1 tree head");
  const auto timestamp = TakeTimestamp(reader);
  if (!timestamp) return Bad("no usable timestamp");
  const auto size = reader.Uint<8>();
  if (!size) return Bad("no tree size");
  const auto root = TakeHash(reader);
  if (!root || !reader.AtEnd()) return Bad("cut short or followed by something");
  return TreeHead{*timestamp, *size, *root};
}

Bytes DigitallySigned(BytesView ecdsa_der) {
  Bytes out;
  out.reserve(4 + ecdsa_der.size());
  tls::Put(out, kSha256Ecdsa);
  tls::PutOpaque<2>(out, ecdsa_der);
  return out;
}

}  // namespace schema
