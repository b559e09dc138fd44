#include "oidc/issuers.h"

#include <re2/re2.h>

#include <algorithm>

#include "oidc/alias_keys.h"
#include "oidc/issuer_entry.h"
#include "oidc/settings.h"
#include "schema/base/bytes.h"

namespace oidc {

constinit const schema::ErrorKind kBadIssuer{
    "bad-issuer", schema::Fault::kUs,
    "An entry of the issuers file cannot be used; the others are served"};
constinit const schema::ErrorKind kNoIssuers{
    "no-issuers", schema::Fault::kUs,
    "The issuers file has no usable issuer; list one under oidc-issuers"};

namespace {

using schema::Error;
using schema::Node;
using schema::Result;

constexpr std::string_view kFileKeys[] = {"oidc-issuers", "meta-issuers", "ci-issuer-metadata",
                                          "define"};

constexpr std::size_t kNamesInWarning = 8;

// Every problem is reported under one kind, so that callers need not know which file a setting came
// from.
Error Problem(std::string_view entry, const Error& cause) {
  std::string detail = entry.empty() ? std::string() : std::string(entry).append(": ");
  return Error{&kBadIssuer, detail.append(cause.detail)};
}

// The members of `root` by kebab-case name. An unknown one is a problem, not a reason to stop.
const Node* Section(const Node& root, std::string_view name) {
  const auto found = std::ranges::find_if(root.members(), [name](const Node::Member& member) {
    return SameKey(member.first, kFileKeys) == name && !member.second.IsNull();
  });
  return found == root.members().end() ? nullptr : &found->second;
}

void CheckFileKeys(const Node& root, const Rules& rules, std::vector<Error>& problems,
                   std::vector<std::string>& warnings) {
  std::vector<std::string_view> seen;
  for (const auto& [key, value] : root.members()) {
    const std::string_view same = SameKey(key, kFileKeys);
    if (same.empty() && rules.lenient_keys) {
      warnings.push_back(value.Wrong("is not a known key and is ignored").detail);
    } else if (same.empty()) {
      problems.push_back(
          Problem("", value.Wrong("is not a known key; correct or remove it (known: oidc-issuers, "
                                  "meta-issuers, ci-issuer-metadata, define)")));
    } else if (std::ranges::find(seen, same) != seen.end()) {
      problems.push_back(Problem("", value.Wrong("is there in two spellings; the first is used")));
    }
    seen.push_back(same);
  }
}

void ReadEntries(const Node* section, const IssuerPlace& place, IssuerSet& out,
                 std::vector<Error>& problems) {
  if (section == nullptr) return;
  if (section->kind() != Node::Kind::kMap) {
    problems.push_back(Problem("", section->Wrong("must be a map keyed by issuer URL")));
    return;
  }
  for (const auto& [key, value] : section->members()) {
    auto issuer = ReadIssuer(key, value, place);
    if (!issuer) {
      problems.push_back(Problem(key, issuer.error()));
      out.left_out.push_back(key);
    } else if (place.wildcard) {
      out.patterns.push_back(*std::move(issuer));
    } else {
      out.exact.emplace(key, *std::move(issuer));
    }
  }
}

void WarnOfSharedAudience(IssuerSet& set) {
  std::string names;
  std::size_t count = 0;
  const auto look = [&names, &count](const Issuer& issuer) {
    if (std::ranges::find(issuer.audiences, kSharedAudience) == issuer.audiences.end()) return;
    count += 1;
    if (count <= kNamesInWarning) names.append(names.empty() ? "" : ", ").append(issuer.url);
  };
  for (const auto& [url, issuer] : set.exact) look(*issuer);
  for (const auto& issuer : set.patterns) look(*issuer);
  if (count == 0) return;
  if (count > kNamesInWarning) {
    names.append(" and ").append(std::to_string(count - kNamesInWarning)).append(" more");
  }
  set.warnings.push_back(
      "the audience \"sigstore\", which stock clients ask for, is every Sigstore service's: a "
      "token "
      "sent to another of them can be used here; list this CA's own URL under audiences, and drop "
      "client-id: sigstore once clients ask for it (" +
      names + ")");
}

}  // namespace

bool Issuer::Matches(std::string_view iss) const {
  if (!wildcard()) return iss == url;
  return re2::RE2::FullMatch(re2::StringPiece(iss.data(), iss.size()), *pattern);
}

std::shared_ptr<const Issuer> IssuerSet::Find(std::string_view iss) const {
  if (const auto found = exact.find(iss); found != exact.end()) return found->second;
  const auto found = std::ranges::find_if(
      patterns, [iss](const std::shared_ptr<const Issuer>& p) { return p->Matches(iss); });
  return found == patterns.end() ? nullptr : *found;
}

Result<IssuerSet> LoadIssuers(std::string_view text, const std::filesystem::path& directory,
                              std::vector<Error>& problems, const Rules& rules) {
  TRY(const Node root, schema::ParseDocument(SeparateAliasKeys(text)));
  if (root.kind() != Node::Kind::kMap) {
    return Error{&kNoIssuers, "the file is empty or not a map"};
  }
  IssuerSet out;
  out.digest = schema::TextDigest(text);
  for (const std::string_view sacrifice : GivenUp(rules)) {
    out.warnings.push_back("--fulcio-compat: " + std::string(sacrifice));
  }
  CheckFileKeys(root, rules, problems, out.warnings);
  std::vector<Error> found;
  const CiMetadata metadata =
      CiMetadata::Read(Section(root, "ci-issuer-metadata"), rules, found, out.warnings);
  for (const Error& error : found) problems.push_back(Problem("", error));
  std::vector<std::string> warnings;
  for (const bool wildcard : {false, true}) {
    ReadEntries(Section(root, wildcard ? "meta-issuers" : "oidc-issuers"),
                {metadata, directory, wildcard, rules, warnings}, out, problems);
  }
  out.warnings.insert(out.warnings.end(), warnings.begin(), warnings.end());
  WarnOfSharedAudience(out);
  if (out.exact.empty() && out.patterns.empty()) {
    return Error{&kNoIssuers, problems.empty() ? "oidc-issuers and meta-issuers are both empty"
                                               : problems.front().detail};
  }
  return out;
}

}  // namespace oidc
