#include "hsm/rotation.h"

#include <algorithm>
#include <system_error>

#include "hsm/key_set.h"
#include "schema/base/file.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

// RFC 6962 3.4: version, leaf type, timestamp and entry type stand before it.
constexpr std::size_t kIssuerKeyHashAt = 12;

}  // namespace

Result<schema::Rotation> ReadRotation(const schema::Config& config) {
  const std::filesystem::path& file = config.ca.rotation;
  std::error_code ignored;
  if (file.empty() || !std::filesystem::exists(file, ignored)) return schema::RotationOf(config);
  const auto text = schema::ReadFile(file);
  if (!text) return Error{&kKeyUnusable, "ca.rotation: " + text.error().detail};
  auto rotation = schema::ParseRotation(*text);
  if (!rotation) return Error{&kKeyUnusable, "ca.rotation: " + rotation.error().detail};
  return rotation;
}

Result<schema::Config> ReadConfigOf(const schema::Config& config, std::string_view name) {
  if (name.empty()) return config;
  TRY(const schema::Rotation rotation, ReadRotation(config));
  const schema::RotationCa* ca = rotation.Find(name);
  if (ca == nullptr) {
    return Error{&kKeyUnusable, "ca.rotation: it names no CA '" + std::string(name) + "'"};
  }
  return schema::ConfigOf(config, *ca);
}

Result<LeafGuards> LeafGuards::Read(const schema::Config& config) {
  LeafGuards guards(config);
  TRY(guards.Load());
  return guards;
}

Outcome LeafGuards::Load() {
  TRY(const schema::Rotation rotation, ReadRotation(config_));
  std::vector<One> all;
  for (const schema::RotationCa& ca : rotation.cas) {
    TRY(GuardSettings guard, ReadGuardSettings(schema::ConfigOf(config_, ca)));
    all.push_back({schema::Sha256(guard.issuing_key.view()), std::move(guard)});
  }
  all_ = std::move(all);
  return schema::Ok();
}

const GuardSettings* LeafGuards::Find(schema::BytesView issuer_key_hash) const {
  const auto found = std::ranges::find_if(
      all_, [&](const One& one) { return schema::Equal(one.key_hash, issuer_key_hash); });
  return found == all_.end() ? nullptr : &found->guard;
}

const GuardSettings& LeafGuards::Of(schema::BytesView leaf) {
  const GuardSettings& first = all_.front().guard;
  if (leaf.size() < kIssuerKeyHashAt + schema::Hash().size()) return first;
  const schema::BytesView issuer = leaf.subspan(kIssuerKeyHashAt, schema::Hash().size());
  if (const GuardSettings* known = Find(issuer)) return *known;
  // Prepared since. A file that cannot be read changes nothing.
  if (!config_.ca.rotation.empty() && !Load()) return first;
  const GuardSettings* fresh = Find(issuer);
  return fresh == nullptr ? all_.front().guard : *fresh;
}

}  // namespace hsm
