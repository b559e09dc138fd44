#include "http/ca_reload.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "ca/ca_changes.h"
#include "schema/base/file.h"
#include "schema/rotation.h"

namespace http {

using schema::CaState;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

const schema::ErrorKind kStillAtWork = {
    "ca-still-at-work", schema::Fault::kBusy,
    "a retired CA keeps its signers until all its entries are published"};

std::vector<std::string> AtWork(const schema::Rotation& rotation) {
  std::vector<std::string> names;
  for (const schema::RotationCa& ca : rotation.cas) {
    if (ca.state != CaState::kRetired) names.push_back(ca.name);
  }
  return names;
}

}  // namespace

Result<std::string> ReadRotationText(const schema::Config& config) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.ca.rotation, ignored)) return std::string();
  return schema::ReadFile(config.ca.rotation);
}

Result<schema::Rotation> RotationIn(const schema::Config& config, const std::string& text) {
  if (text.empty()) return schema::RotationOf(config);
  return schema::ParseRotation(text);
}

Outcome CaReload::Load(const std::string& text) {
  TRY(const schema::Rotation rotation, RotationIn(config_, text));
  TRY(ca::IssuingCas next,
      ca::IssuingCas::Load(config_, rotation, schema::ToSeconds(clock_.Now())));
  // The signers of those at work until now stay, for what is under way.
  const std::vector<std::string> at_work = AtWork(rotation);
  std::vector<std::string> manned = at_work;
  for (const std::string& name : manned_) {
    const bool named = std::ranges::find(manned, name) != manned.end();
    if (!named && rotation.Find(name) != nullptr) manned.push_back(name);
  }
  const bool another = next.active().chain.key_hash != cas_.Now()->active().chain.key_hash;
  // Before anything is changed: a file that lost a CA must not cost its signers.
  TRY(const std::vector<ca::IssuingCaRow> told, log_.reader().IssuingCas());
  TRY(ca::ChangesTo(next, told));
  TRY(custody_.Follow(rotation, manned));
  manned_ = manned;
  TRY(authority_.Adopt(std::move(next)));
  if (another) handed_over_ = log_.State().certificates_size;
  if (manned.size() == at_work.size()) return schema::Ok();
  if (log_.State().published_size < handed_over_) return Error{&kStillAtWork, ""};
  TRY(custody_.Follow(rotation, at_work));
  manned_ = at_work;
  return schema::Ok();
}

}  // namespace http
