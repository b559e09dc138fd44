// Whose tokens are taken: Fulcio's identity configuration file, checked and compiled at load.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/rules.h"
#include "oidc/template.h"
#include "schema/base/result.h"

namespace re2 {
class RE2;
}

namespace oidc {

extern const schema::ErrorKind
    kBadIssuer;  // one entry of the file cannot be used; its detail has the fix
extern const schema::ErrorKind kNoIssuers;  // nothing is left to serve

enum class IssuerType {
  kEmail,
  kGithubWorkflow,
  kGitlabPipeline,
  kBuildkiteJob,
  kCodefreshWorkflow,
  kCiProvider,
  kUri,
  kUsername,
  kSpiffe,
  kKubernetes,
  kChainguardIdentity,
};

// Whose claims they are, whatever the type or metadata is called: some claims of GitHub and GitLab
// have to be read together.
enum class Platform { kOther, kGithub, kGitlab };

// What is done with GitLab's tokens of merge request pipelines. Their project_* names the project
// the change comes from, which anybody may fork, not the one whose pipeline runs.
enum class MergeRequestTokens {
  kRefuse,
  kSameProject,  // taken when job_project_id says that both are one
  kAccept,
};

// The audience of every Sigstore service, which stock clients ask for: whoever runs another one
// gets tokens that fit here.
inline constexpr std::string_view kSharedAudience = "sigstore";

// One entry of `ci-issuer-metadata`: how claims become the subjectAltName and the extensions.
struct CiProvider {
  struct Extension {
    int arc;  // last number under 1.3.6.1.4.1.57264.1
    Template value;
  };
  std::string name;
  Template subject;
  std::vector<Extension> extensions;  // ascending arc
  Constants constants;                // compiled into the templates; kept for messages
};

struct Issuer {
  std::string url;  // compared octet by octet; the pattern as written when wildcard
  std::shared_ptr<const re2::RE2> pattern;  // anchored; null unless wildcard
  IssuerType type;
  std::string type_text;               // as in the file: "ci-provider"
  std::vector<std::string> audiences;  // `client-id`, then `audiences`; never empty, no repeats
  std::string challenge_claim;         // "email" or "sub"; what /api/v2/configuration shows
  std::string subject_domain;          // uri: with scheme; username: without
  std::string spiffe_trust_domain;
  std::vector<std::string>
      issuer_claim;  // e-mail: member names from the root to the real issuer; mostly empty
  bool skip_email_verification = false;
  std::shared_ptr<const CiProvider> ci_provider;  // ci-provider only
  Platform platform = Platform::kOther;

  // How its documents are fetched (schema::FetchRequest).
  std::string ca_pem;   // `ca-cert`: PEM text, trusted besides the system's roots
  std::string ca_file;  // our `ca-file`: absolute path of a PEM bundle
  bool allow_http = false;

  // What a token must be, beyond its signature.
  std::chrono::seconds skew{60};       // tolerated on nbf and iat, 0 to 5 minutes
  std::chrono::seconds max_token_age;  // now - iat; the default depends on the type
  std::string jti = "optional";        // or "required": a token without one is refused
  bool verbose_denials = false;
  MergeRequestTokens merge_request_tokens = MergeRequestTokens::kRefuse;
  Rules rules;

  bool wildcard() const { return pattern != nullptr; }
  bool Matches(std::string_view iss) const;
};

struct IssuerSet {
  std::string digest;  // schema::TextDigest of the file
  std::map<std::string, std::shared_ptr<const Issuer>, std::less<>> exact;  // by url
  std::vector<std::shared_ptr<const Issuer>> patterns;                      // in file order
  // Keys of entries that cannot be used, of both maps.
  std::vector<std::string> left_out;
  // What an operator should know of a file that is served: what Rules give up, shared audiences,
  // keys that were ignored. Whole sentences.
  std::vector<std::string> warnings;

  // The exact issuer, else the first pattern that matches, else nullptr. Thread-safe.
  std::shared_ptr<const Issuer> Find(std::string_view iss) const;
};

// Reads the file's text, YAML or JSON, with kebab-case or Go names.
//
//   directory  where a relative `ca-file` starts
//   problems   gets one Error for each entry that was left out or each key that is not understood;
//              the others are served
//   rules      kFulcioRules: read it, and later its tokens, as Fulcio does
//
// kBadDocument  not YAML or JSON at all
// kNoIssuers    no usable issuer
//
// Does not touch the disk or the network. Safe on any text (tests/fuzz/issuers_fuzz.cc).
schema::Result<IssuerSet> LoadIssuers(std::string_view text, const std::filesystem::path& directory,
                                      std::vector<schema::Error>& problems,
                                      const Rules& rules = kChanceryRules);

}  // namespace oidc
