#include "ca/ceremony/keys.h"

#include "ca/ceremony/names.h"
#include "ca/ceremony/words.h"
#include "hsm/custody.h"
#include "hsm/file_key.h"
#include "hsm/harden.h"
#include "schema/base/base64.h"
#include "schema/base/file.h"

namespace ca::ceremony {

using schema::Json;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::string_view kFile = "file:";

const std::string& KeyText(const Plan& plan, std::string_view name) {
  if (name == kRoot) return plan.root.key;
  if (name == kPreviousRoot) return plan.previous_root->key;
  if (name == kIssuing) return plan.issuing.key;
  if (name == kLog) return plan.log->key;
  if (name == kTimestamp) return plan.timestamp->key;
  MUST(name == kPrecertificate);
  return plan.precertificate->key;
}

}  // namespace

// A file, or an object in a token.
struct Keys::Place {
  std::string name;
  std::filesystem::path file;
  hsm::KeyUri uri;

  std::string setting() const { return name + ".key"; }
};

Keys::Keys(const Plan& plan, Rehearsal* rehearsal, std::filesystem::path state)
    : plan_(plan), rehearsal_(rehearsal), cabinet_(std::move(state)) {
  if (rehearsal == nullptr) hsm::SetModuleEnvironment(plan.module_env);
}

Result<Keys::Place> Keys::PlaceOf(std::string_view name) {
  const std::string& text = KeyText(plan_, name);
  Place place{std::string(name), {}, {}};
  if (text.starts_with(kFile)) {
    place.file = text.substr(kFile.size());
    if (rehearsal_ != nullptr) place.file = rehearsal_->Move(place.file);
    return place;
  }
  auto uri = hsm::ParseKeyUri(text, plan_.directory);
  if (!uri) return schema::Error{uri.error().kind, place.setting() + ": " + uri.error().detail};
  place.uri = *std::move(uri);
  if (rehearsal_ != nullptr) {
    TRY(place.uri, rehearsal_->Move(std::move(place.uri), cabinet_));
  }
  return place;
}

Result<std::unique_ptr<hsm::SigningKey>> Keys::OpenAt(const Place& place) {
  if (!place.file.empty()) return hsm::OpenFileKey(place.file, hsm::FileKeyKind::kEcdsaP256);
  return cabinet_.Open(place.setting(), place.uri);
}

Result<Json> Keys::Describe(const Place& place, bool made) {
  TRY(const auto key, OpenAt(place));
  const schema::Hash digest = schema::Sha256(key->spki().view());
  Json out = {{"key", place.name},
              {"made", made},
              {"spki", schema::Base64(key->spki().view())},
              {"sha256", schema::Hex(digest)},
              {"words", Words(digest)},
              {"custody", place.file.empty() ? "token" : "file"}};
  if (!place.file.empty()) return out;
  TRY(const schema::Hash module, schema::FileDigest(place.uri.module));
  out["module"] = place.uri.module.filename().string();
  out["module_sha256"] = schema::Hex(module);
  TRY(out["report"], schema::ParseJson(key->report(), {64 * 1024}));
  return out;
}

Result<Json> Keys::Make(std::string_view name) {
  TRY(const Place place, PlaceOf(name));
  if (!place.file.empty()) {
    TRY(hsm::GenerateFileKey(place.file, hsm::FileKeyKind::kEcdsaP256));
  } else {
    TRY(cabinet_.Generate(place.setting(), place.uri));
  }
  return Describe(place, true);
}

Result<Json> Keys::Open(std::string_view name) {
  TRY(const Place place, PlaceOf(name));
  return Describe(place, false);
}

Result<schema::Signature> Keys::Sign(std::string_view name, schema::BytesView message) {
  TRY(const Place place, PlaceOf(name));
  TRY(const auto key, OpenAt(place));
  return key->Sign(message);
}

}  // namespace ca::ceremony
