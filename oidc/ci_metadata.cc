#include "oidc/ci_metadata.h"

#include <algorithm>

#include "oidc/settings.h"
#include "schema/extensions.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Node;
using schema::Result;

constexpr std::string_view kProviderKeys[] = {"default-template-values", "extension-templates",
                                              "subject-alternative-name-template"};

// Names of the extensions a template may fill: not the issuer (1, 8) and not the subject (24),
// which Chancery sets from the token itself.
std::vector<std::string_view> TemplateNames() {
  std::vector<std::string_view> out;
  for (const schema::FulcioArc& arc : schema::FulcioArcs()) {
    if (arc.arc != 1 && arc.arc != 8 && arc.arc != 24) out.push_back(arc.name);
  }
  return out;
}

Result<Constants> ReadConstants(const Node* node) {
  Constants out;
  if (node == nullptr) return out;
  if (node->kind() != Node::Kind::kMap) return node->Wrong("must be a map of texts");
  for (const auto& [key, value] : node->members()) {
    std::string text;
    if (!value.IsNull()) {
      TRY(text, value.String());
    }
    out.emplace(key, std::move(text));
  }
  return out;
}

Result<std::vector<CiProvider::Extension>> ReadExtensions(const std::string& provider,
                                                          const Node* node,
                                                          const Constants& constants) {
  std::vector<CiProvider::Extension> out;
  if (node == nullptr) return out;
  const std::vector<std::string_view> names = TemplateNames();
  TRY(const Settings settings, Settings::Read(*node, names));
  for (const std::string_view name : names) {
    if (settings.Find(name) == nullptr) continue;
    TRY(const std::string text, settings.Text(name));
    TRY(Template value, Template::Compile(provider + "." + std::string(name), text, constants));
    const schema::FulcioArc* arc = schema::FindArc(name);
    MUST(arc != nullptr);
    out.push_back({arc->arc, std::move(value)});
  }
  std::ranges::sort(out, {}, &CiProvider::Extension::arc);
  return out;
}

Result<std::shared_ptr<const CiProvider>> ReadProvider(const std::string& name, const Node& node) {
  TRY(const Settings settings, Settings::Read(node, kProviderKeys));
  TRY(const Constants constants, ReadConstants(settings.Find("default-template-values")));
  if (settings.Find("subject-alternative-name-template") == nullptr) {
    return node.Wrong("has no subject-alternative-name-template; add one");
  }
  TRY(const std::string subject, settings.Text("subject-alternative-name-template"));
  TRY(Template san,
      Template::Compile(name + ".subject-alternative-name-template", subject, constants));
  TRY(auto extensions, ReadExtensions(name, settings.Find("extension-templates"), constants));
  return std::make_shared<const CiProvider>(
      CiProvider{name, std::move(san), std::move(extensions)});
}

}  // namespace

CiProviders ReadCiMetadata(const Node& node, std::vector<Error>& problems) {
  CiProviders out;
  if (node.kind() != Node::Kind::kMap) {
    problems.push_back(node.Wrong("must be a map of providers"));
    return out;
  }
  for (const auto& [name, value] : node.members()) {
    auto provider = ReadProvider(name, value);
    if (!provider) problems.push_back(provider.error());
    out.emplace(name, std::move(provider));
  }
  return out;
}

}  // namespace oidc
