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

// Into `out`, over what is there.
schema::Outcome ReadConstants(const Node* node, Constants& out) {
  if (node == nullptr) return schema::Ok();
  if (node->kind() != Node::Kind::kMap) return node->Wrong("must be a map of texts");
  for (const auto& [key, value] : node->members()) {
    std::string text;
    if (!value.IsNull()) {
      TRY(text, value.String());
    }
    out.insert_or_assign(key, std::move(text));
  }
  return schema::Ok();
}

struct Place {
  const std::string& name;
  const Rules& rules;
  std::vector<std::string>* ignored;  // nullptr: an unknown key is an error
};

Result<std::vector<CiProvider::Extension>> ReadExtensions(const Place& place, const Node* node,
                                                          const Constants& constants) {
  std::vector<CiProvider::Extension> out;
  if (node == nullptr) return out;
  const std::vector<std::string_view> names = TemplateNames();
  TRY(const Settings settings, Settings::Read(*node, names, place.ignored));
  for (const std::string_view name : names) {
    if (settings.Find(name) == nullptr) continue;
    TRY(const std::string text, settings.Text(name));
    TRY(Template value,
        Template::Compile(place.name + "." + std::string(name), text, constants, place.rules));
    const schema::FulcioArc* arc = schema::FindArc(name);
    MUST(arc != nullptr);
    out.push_back({arc->arc, std::move(value)});
  }
  std::ranges::sort(out, {}, &CiProvider::Extension::arc);
  return out;
}

Result<std::shared_ptr<const CiProvider>> ReadProvider(const Place& place, const Node& node,
                                                       const Node* own) {
  TRY(const Settings settings, Settings::Read(node, kProviderKeys, place.ignored));
  Constants constants;
  TRY(ReadConstants(settings.Find("default-template-values"), constants));
  TRY(ReadConstants(own, constants));
  if (settings.Find("subject-alternative-name-template") == nullptr) {
    return node.Wrong("has no subject-alternative-name-template; add one");
  }
  TRY(const std::string subject, settings.Text("subject-alternative-name-template"));
  TRY(Template san, Template::Compile(place.name + ".subject-alternative-name-template", subject,
                                      constants, place.rules));
  TRY(auto extensions, ReadExtensions(place, settings.Find("extension-templates"), constants));
  return std::make_shared<const CiProvider>(
      CiProvider{place.name, std::move(san), std::move(extensions), std::move(constants)});
}

}  // namespace

CiMetadata CiMetadata::Read(const Node* node, const Rules& rules, std::vector<Error>& problems,
                            std::vector<std::string>& warnings) {
  CiMetadata out;
  out.rules_ = rules;
  if (node == nullptr) return out;
  if (node->kind() != Node::Kind::kMap) {
    problems.push_back(node->Wrong("must be a map of providers"));
    return out;
  }
  for (const auto& [name, value] : node->members()) {
    auto provider =
        ReadProvider({name, rules, rules.lenient_keys ? &warnings : nullptr}, value, nullptr);
    if (!provider) problems.push_back(provider.error());
    out.entries_.emplace(name, Entry{&value, std::move(provider)});
  }
  return out;
}

Result<std::shared_ptr<const CiProvider>> CiMetadata::Provide(const std::string& name,
                                                              const Node* constants) const {
  const auto found = entries_.find(name);
  MUST(found != entries_.end());  // the caller asked Has
  if (constants == nullptr) return found->second.plain;
  std::vector<std::string> told;  // by Read
  return ReadProvider({name, rules_, rules_.lenient_keys ? &told : nullptr}, *found->second.node,
                      constants);
}

std::string CiMetadata::Names() const {
  std::string out;
  for (const auto& [name, unused] : entries_) out.append(" ").append(name);
  return out;
}

}  // namespace oidc
