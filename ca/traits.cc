#include "ca/traits.h"

#include <string>

namespace ca {
namespace {

// Fulcio's OIDs, last number under 1.3.6.1.4.1.57264.1.
constexpr int kRunnerEnvironment = 11;
constexpr int kSourceRepositoryUri = 12;
constexpr int kSourceRepositoryId = 15;
constexpr int kBuildConfigUri = 18;

std::string TextOf(const schema::Identity& identity, int arc) {
  for (const schema::FulcioExtension& extension : identity.extensions) {
    if (extension.arc == arc) return extension.text;
  }
  return "";
}

// Refs come and go; a workflow stays. A ref may hold an "@" itself, and begins with "refs/".
std::string WithoutRef(const std::string& uri) {
  const std::size_t ref = uri.find("@refs/");
  return uri.substr(0, ref != std::string::npos ? ref : uri.rfind('@'));
}

}  // namespace

std::vector<Trait> TraitsOf(const schema::Identity& identity, const SubjectKey& key) {
  std::vector<Trait> traits;
  const auto add = [&](TraitKind kind, std::string value, std::string name = "") {
    if (!value.empty()) traits.push_back({kind, std::move(value), std::move(name)});
  };
  const std::string id = TextOf(identity, kSourceRepositoryId);
  std::string uri = TextOf(identity, kSourceRepositoryUri);
  id.empty() ? add(TraitKind::kRepository, std::move(uri))
             : add(TraitKind::kRepository, id, std::move(uri));
  add(TraitKind::kWorkflow, WithoutRef(TextOf(identity, kBuildConfigUri)));
  add(TraitKind::kRunner, TextOf(identity, kRunnerEnvironment));
  add(TraitKind::kKey, std::string(key.algorithm()));
  return traits;
}

}  // namespace ca
