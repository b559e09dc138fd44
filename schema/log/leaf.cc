#include "schema/log/leaf.h"

#include <algorithm>

#include "schema/log/tls.h"

namespace schema {

const ErrorKind kBadLeaf{"bad-leaf", Fault::kUs, "a log entry is not one of ours"};

namespace {

constexpr std::uint8_t kVersionAndType[] = {0x00, 0x00};  // v1, timestamped_entry
constexpr std::uint8_t kPrecertEntry[] = {0x00, 0x01};
constexpr std::uint8_t kLeafPrefix = 0x00;  // RFC 6962 2.1
constexpr std::uint8_t kNodePrefix = 0x01;

Error Bad(std::string_view why) { return Error{&kBadLeaf, std::string(why)}; }

}  // namespace

std::array<std::uint8_t, 8> LeafIndexExtension(std::uint64_t index) {
  MUST(index < kLeafIndexEnd);
  std::array<std::uint8_t, 8> out{0x00, 0x00, 0x05};
  for (std::size_t i = 7; i >= 3; --i, index >>= 8) out[i] = static_cast<std::uint8_t>(index);
  return out;
}

std::optional<std::uint64_t> ParseLeafIndexExtension(BytesView bytes) {
  constexpr std::uint8_t kTypeAndLength[] = {0x00, 0x00, 0x05};
  tls::Reader reader(bytes);
  if (!reader.Skip(kTypeAndLength)) return std::nullopt;
  const auto index = reader.Uint<5>();
  if (!index || !reader.AtEnd()) return std::nullopt;
  return index;
}

LeafBytes EncodeLeaf(TimeMs timestamp, std::uint64_t index, const Hash& issuer_key_hash,
                     BytesView tbs) {
  const std::int64_t ms = timestamp.time_since_epoch().count();
  MUST(ms >= 0 && !tbs.empty());
  Bytes out;
  out.reserve(57 + tbs.size());
  tls::Put(out, kVersionAndType);
  tls::PutUint<8>(out, static_cast<std::uint64_t>(ms));
  tls::Put(out, kPrecertEntry);
  tls::Put(out, issuer_key_hash);
  tls::PutOpaque<3>(out, tbs);
  tls::PutOpaque<2>(out, LeafIndexExtension(index));
  return LeafBytes(std::move(out));
}

Result<Leaf> ParseLeaf(BytesView bytes) {
  tls::Reader reader(bytes);
  if (!reader.Skip(kVersionAndType)) return Bad("not a version 1 timestamped entry");
  const auto ms = reader.Uint<8>();
  if (!ms || *ms > kTimestampMax) return Bad("no usable timestamp");
  if (!reader.Skip(kPrecertEntry)) return Bad("not a precertificate entry");
  const auto issuer_key_hash = reader.Take(32);
  if (!issuer_key_hash) return Bad("no issuer key hash");
  const auto tbs = reader.Opaque<3>();
  if (!tbs || tbs->empty()) return Bad("no TBSCertificate");
  const auto extensions = reader.Opaque<2>();
  if (!extensions || !reader.AtEnd()) return Bad("cut short or followed by something");
  const auto index = ParseLeafIndexExtension(*extensions);
  if (!index) return Bad("extensions other than leaf_index");
  Leaf leaf{TimeMs(std::chrono::milliseconds(*ms)), *index, {}, TbsDer(ToBytes(*tbs))};
  std::ranges::copy(*issuer_key_hash, leaf.issuer_key_hash.begin());
  return leaf;
}

Hash LeafHash(BytesView leaf) {
  Bytes input;
  input.reserve(1 + leaf.size());
  input.push_back(kLeafPrefix);
  tls::Put(input, leaf);
  return Sha256(input);
}

Hash NodeHash(const Hash& left, const Hash& right) {
  std::array<std::uint8_t, 65> input;
  input[0] = kNodePrefix;
  std::ranges::copy(left, input.begin() + 1);
  std::ranges::copy(right, input.begin() + 33);
  return Sha256(input);
}

}  // namespace schema
