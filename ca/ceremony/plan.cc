#include "ca/ceremony/plan.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "schema/base/document.h"
#include "schema/module_env.h"

namespace ca::ceremony {

using schema::Node;
using schema::Outcome;
using schema::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kNameCharactersMax = 64;  // RFC 5280 A.1: ub-common-name
constexpr std::size_t kWitnessesMax = 32;
constexpr std::chrono::hours kLifetimeLeast{1}, kLifetimeMost{24 * 366 * 25};
constexpr std::array<std::string_view, kSteps> kStepNames = {"root", "issuing-request",
                                                             "issuing-sign", "finish"};

Result<std::string> NeedText(const Node& map, std::string_view key) {
  TRY(const Node* node, map.Need(key));
  TRY(std::string text, node->String());
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (text.empty() || control) return node->Wrong("is empty or has a control character");
  return text;
}

// What a certificate names somebody by, or a transcript a witness.
Result<std::string> NeedName(const Node& map, std::string_view key) {
  TRY(std::string text, NeedText(map, key));
  if (text.size() > kNameCharactersMax) return map.Find(key)->Wrong("is longer than 64 octets");
  return text;
}

Outcome NeedMap(const Node& node) {
  if (node.kind() == Node::Kind::kMap) return schema::Ok();
  return node.Wrong("wanted a map");
}

Result<std::string> ReadKey(const Node& map, bool file_too, const fs::path& directory) {
  TRY(const std::string text, NeedText(map, "key"));
  if (text.starts_with("pkcs11:")) return text;
  constexpr std::string_view kFile = "file:";
  if (file_too && text.starts_with(kFile) && text.size() > kFile.size()) {
    return std::string(kFile) + (directory / text.substr(kFile.size())).lexically_normal().string();
  }
  return map.Find("key")->Wrong(file_too ? "wanted 'pkcs11:…' or 'file:PATH'"
                                         : "wanted a PKCS#11 URI, 'pkcs11:…'");
}

Result<Subject> ReadSubject(const Node& map) {
  TRY(const Node* node, map.Need("subject"));
  TRY(NeedMap(*node));
  TRY(node->OnlyKeys({"organization", "common-name"}));
  Subject out;
  TRY(out.organization, NeedName(*node, "organization"));
  TRY(out.common_name, NeedName(*node, "common-name"));
  return out;
}

Result<Validity> ReadValidity(const Node& map) {
  TRY(const Node* lifetime, map.Need("lifetime"));
  TRY(const std::chrono::milliseconds value, lifetime->Duration());
  if (value < kLifetimeLeast || value > kLifetimeMost) {
    return lifetime->Wrong("must be from 1h to 9150d");
  }
  Validity out;
  out.lifetime = std::chrono::floor<std::chrono::seconds>(value);
  const Node* from = map.Find("from");
  if (from == nullptr) return out;
  TRY(const std::string text, from->String());
  const auto time = schema::ParseTime(text);
  if (!time) return from->Wrong("wanted 2026-12-01 or 2026-12-01T10:00:00Z");
  out.from = *time;
  return out;
}

Result<fs::path> PathOr(const Node& map, std::string_view key, const fs::path& directory) {
  if (map.Find(key) == nullptr) return fs::path();
  TRY(const std::string text, NeedText(map, key));
  return (directory / text).lexically_normal();
}

Result<RootPlan> ReadRoot(const Node& node, const fs::path& directory) {
  TRY(NeedMap(node));
  RootPlan out;
  TRY(out.certificate, PathOr(node, "certificate", directory));
  if (!out.certificate.empty()) {
    TRY(node.OnlyKeys({"key", "certificate"}));
    TRY(out.key, ReadKey(node, false, directory));
    return out;
  }
  TRY(node.OnlyKeys({"key", "certificate", "subject", "lifetime", "from"}));
  TRY(out.key, ReadKey(node, false, directory));
  TRY(out.subject, ReadSubject(node));
  TRY(out.validity, ReadValidity(node));
  return out;
}

Result<PreviousRootPlan> ReadPreviousRoot(const Node& node, const fs::path& directory) {
  TRY(NeedMap(node));
  TRY(node.OnlyKeys({"certificate", "key", "lifetime", "from"}));
  PreviousRootPlan out;
  TRY(node.Need("certificate"));
  TRY(out.certificate, PathOr(node, "certificate", directory));
  if (node.Find("key") != nullptr) {
    TRY(out.key, ReadKey(node, false, directory));
  }
  TRY(out.validity, ReadValidity(node));
  return out;
}

Result<IssuingPlan> ReadIssuing(const Node& node, const fs::path& directory) {
  TRY(NeedMap(node));
  IssuingPlan out;
  TRY(out.renews, PathOr(node, "renews", directory));
  if (out.renews.empty()) {
    TRY(node.OnlyKeys({"key", "renews", "subject", "lifetime", "from"}));
    TRY(out.subject, ReadSubject(node));
  } else {
    TRY(node.OnlyKeys({"key", "renews", "lifetime", "from"}));
  }
  TRY(out.key, ReadKey(node, false, directory));
  TRY(out.validity, ReadValidity(node));
  return out;
}

Result<LogPlan> ReadLog(const Node& node, const fs::path& directory) {
  TRY(NeedMap(node));
  TRY(node.OnlyKeys({"key"}));
  LogPlan out;
  TRY(out.key, ReadKey(node, true, directory));
  return out;
}

Result<CertifiedPlan> ReadCertified(const Node& node, const fs::path& directory) {
  TRY(NeedMap(node));
  TRY(node.OnlyKeys({"key", "subject", "lifetime", "from"}));
  CertifiedPlan out;
  TRY(out.key, ReadKey(node, true, directory));
  TRY(out.subject, ReadSubject(node));
  TRY(out.validity, ReadValidity(node));
  return out;
}

Result<std::vector<std::string>> ReadWitnesses(const Node& root) {
  TRY(const Node* node, root.Need("witnesses"));
  TRY(auto names, node->Strings());
  if (names.empty() || names.size() > kWitnessesMax) return node->Wrong("wanted 1 to 32 names");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const bool control = std::ranges::any_of(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (name.empty() || name.size() > kNameCharactersMax || control) {
      return node->Wrong("a name is empty, long, or has a control character");
    }
    if (!seen.insert(name).second) return node->Wrong("'" + name + "' is there twice");
  }
  return names;
}

// Two keys under one name would be one key for two purposes.
Outcome CheckKeysDiffer(const Node& root, const Plan& plan) {
  std::set<std::string> seen;
  for (const std::string& key :
       {plan.root.key, plan.previous_root ? plan.previous_root->key : "", plan.issuing.key,
        plan.log ? plan.log->key : "", plan.precertificate ? plan.precertificate->key : "",
        plan.timestamp ? plan.timestamp->key : ""}) {
    if (!key.empty() && !seen.insert(key).second) {
      return root.Wrong("two of its keys have one URI: each CA and log needs a key of its own");
    }
  }
  return schema::Ok();
}

Outcome CheckNamesDiffer(const Node& root, const Plan& plan) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Subject& subject : {plan.root.subject, plan.issuing.subject,
                                 plan.precertificate ? plan.precertificate->subject : Subject(),
                                 plan.timestamp ? plan.timestamp->subject : Subject()}) {
    if (!subject.common_name.empty() &&
        !seen.emplace(subject.organization, subject.common_name).second) {
      return root.Wrong("two of its CAs have one subject: " + subject.common_name);
    }
  }
  return schema::Ok();
}

}  // namespace

std::string_view StepName(Step step) { return kStepNames[static_cast<std::size_t>(step)]; }

std::optional<Step> StepOf(std::string_view name) {
  const auto at = std::ranges::find(kStepNames, name);
  if (at == kStepNames.end()) return std::nullopt;
  return static_cast<Step>(std::distance(kStepNames.begin(), at));
}

Result<Plan> ParsePlan(std::string_view text, const fs::path& directory) {
  TRY(const Node root, schema::ParseDocument(text));
  TRY(NeedMap(root));
  TRY(root.OnlyKeys({"version", "name", "witnesses", "module-env", "root", "previous-root",
                     "issuing", "log", "precertificate", "timestamp"}));
  TRY(const Node* version, root.Need("version"));
  TRY(version->Integer(1, 1));
  Plan out;
  out.text = text;
  out.digest = schema::Sha256(schema::AsBytes(text));
  out.directory = directory;
  TRY(out.name, NeedName(root, "name"));
  TRY(out.witnesses, ReadWitnesses(root));
  TRY(out.module_env, schema::ReadModuleEnv(root.Find("module-env"), directory));
  TRY(const Node* root_ca, root.Need("root"));
  TRY(out.root, ReadRoot(*root_ca, directory));
  TRY(const Node* issuing, root.Need("issuing"));
  TRY(out.issuing, ReadIssuing(*issuing, directory));
  if (const Node* node = root.Find("previous-root"); node != nullptr) {
    TRY(out.previous_root, ReadPreviousRoot(*node, directory));
  }
  if (const Node* node = root.Find("log"); node != nullptr) {
    TRY(out.log, ReadLog(*node, directory));
  }
  if (const Node* node = root.Find("precertificate"); node != nullptr) {
    TRY(out.precertificate, ReadCertified(*node, directory));
  }
  if (const Node* node = root.Find("timestamp"); node != nullptr) {
    TRY(out.timestamp, ReadCertified(*node, directory));
  }
  TRY(CheckKeysDiffer(root, out));
  TRY(CheckNamesDiffer(root, out));
  return out;
}

}  // namespace ca::ceremony
