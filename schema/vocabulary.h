// What the tokens of each kind of issuer say: the claims a policy can ask for, which of them are
// ids that nobody else can get, which are names that somebody else can take over, and which
// together name one run. vocabulary.cc says of each kind which document it was read from.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace schema {

// All lists are sorted. Every one is static: the views live as long as the program.
struct Vocabulary {
  std::string_view kind;  // "github-workflow", "email", …: Identity::kind
  // One issuer URL serves strangers too (github.com, gitlab.com): a rule needs an owner's id.
  bool shared;
  // All known ones. A kind whose issuers send what they like ("uri", "username") has only the
  // registered ones of RFC 7519, and one without a published list what its tokens were seen to
  // have; then `open` is true: another claim is no mistake.
  std::span<const std::string_view> claims;
  // What claims begin with that are named by the user: "repo_property_" of GitHub.
  std::span<const std::string_view> families;
  bool open;
  // Given once and never again: repository_owner_id, namespace_id, …
  std::span<const std::string_view> owner_ids;
  // Can be renamed, deleted and taken by somebody else: repository, project_path, …
  std::span<const std::string_view> names;
  // Together they name one run; empty: the kind knows no runs, and `per-run` counts each `sub`'s
  // token by itself.
  std::span<const std::string_view> run;
};

// One of the claims, or one of a family that has a name of its own. `open` is not looked at.
bool Knows(const Vocabulary& vocabulary, std::string_view claim);

const Vocabulary* FindVocabulary(std::string_view kind);  // nullptr: not known
std::span<const Vocabulary> Vocabularies();               // sorted by kind
std::string VocabularyKinds();                            // "buddy-pipeline, …", for messages

}  // namespace schema
