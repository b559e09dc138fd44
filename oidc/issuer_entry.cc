#include "oidc/issuer_entry.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <re2/re2.h>

#include <algorithm>

#include "oidc/issuer_types.h"
#include "oidc/names.h"
#include "oidc/platform.h"
#include "oidc/settings.h"
#include "oidc/uri.h"
#include "schema/base/limits.h"
#include "schema/base/openssl.h"

namespace oidc {
namespace {

using schema::Node;
using schema::Ok;
using schema::Outcome;
using schema::Result;

// Fulcio's keys, then ours. The informational ones are accepted and not used.
constexpr std::string_view kIssuerKeys[] = {"issuer-url",
                                            "client-id",
                                            "type",
                                            "ci-provider",
                                            "issuer-claim",
                                            "subject-domain",
                                            "challenge-claim",
                                            "ca-cert",
                                            "spiffe-trust-domain",
                                            "description",
                                            "contact",
                                            "skip-email-verification",
                                            "environment",
                                            "audiences",
                                            "max-token-age",
                                            "jti",
                                            "skew",
                                            "allow-http",
                                            "ca-file",
                                            "verbose-denials",
                                            "default-template-values",
                                            "merge-request-tokens"};

// `what` is a key of this issuer. The entry's URL leads every message, because it is what operators
// know.
class EntryReader {
 public:
  EntryReader(const std::string& key, const Node& node, const Settings& settings,
              const IssuerPlace& place)
      : key_(key), node_(node), settings_(settings), place_(place) {}

  Result<std::shared_ptr<const Issuer>> Run() {
    out_.rules = place_.rules;
    TRY(Url());
    TRY(Type());
    TRY(Audiences());
    TRY(TypeSettings());
    TRY(Transport());
    TRY(TokenRules());
    return std::make_shared<const Issuer>(std::move(out_));
  }

 private:
  const Node& At(std::string_view what) const {
    const Node* node = settings_.Find(what);
    return node == nullptr ? node_ : *node;
  }

  Outcome Url() {
    out_.url = key_;
    TRY(const std::string url, settings_.Text("issuer-url"));
    if (settings_.Find("issuer-url") != nullptr && url != key_) {
      return At("issuer-url").Wrong("must be the entry's own key; write issuer-url: " + key_);
    }
    if (!place_.wildcard && key_.find('*') != std::string::npos) {
      return node_.Wrong("has a '*'; move the entry to meta-issuers");
    }
    std::string sample = key_;
    std::ranges::replace(sample, '*', 'x');
    auto uri = ParseUri(sample);
    if (!uri || (uri->scheme != "https" && uri->scheme != "http") || uri->host.empty() ||
        uri->user_info || sample.find_first_of("?#") != std::string::npos) {
      return node_.Wrong("must be keyed by a URL such as https://issuer.example.com");
    }
    uri_ = *std::move(uri);
    TRY(out_.allow_http, settings_.Flag("allow-http"));
    loopback_ = uri_.host == "localhost" || uri_.host == "127.0.0.1" || uri_.host == "::1";
    if (uri_.scheme == "http" && !loopback_ && !out_.allow_http) {
      return node_.Wrong("uses plain http; use https, or add allow-http: true");
    }
    if (place_.wildcard) TRY(Pattern());
    return Ok();
  }

  Outcome Pattern() {
    std::string expression;
    for (const char c : key_) {
      expression += c == '*' ? "[-_a-zA-Z0-9]+" : re2::RE2::QuoteMeta(std::string(1, c));
    }
    out_.pattern = std::make_shared<const re2::RE2>(expression, re2::RE2::Quiet);
    if (!out_.pattern->ok()) return node_.Wrong("is not a usable pattern");
    return Ok();
  }

  Outcome Type() {
    TRY(const std::string text, settings_.Text("type"));
    const IssuerTypeRow* row = FindIssuerType(text);
    if (row == nullptr) {
      return At("type").Wrong((text.empty() ? "has no type" : "is not a type Chancery supports") +
                              std::string("; use one of ") + IssuerTypeNames());
    }
    if (row->type == IssuerType::kSpiffe && place_.wildcard) {
      return At("type").Wrong("spiffe cannot be a meta issuer; list each issuer in oidc-issuers");
    }
    out_.type = row->type;
    out_.type_text = row->text;
    out_.challenge_claim = row->challenge_claim;
    TRY(const std::string challenge, settings_.Text("challenge-claim"));
    const bool may_choose = row->type == IssuerType::kChainguardIdentity && challenge == "email";
    const bool contradicts = !challenge.empty() && challenge != row->challenge_claim && !may_choose;
    if (contradicts && place_.rules.lenient_keys) {
      place_.warnings.push_back(key_ + ": challenge-claim contradicts the type and is ignored");
    } else if (contradicts) {
      return At("challenge-claim")
          .Wrong("contradicts the type, whose clients sign \"" + std::string(row->challenge_claim) +
                 "\"; remove the key");
    }
    if (may_choose) out_.challenge_claim = challenge;
    return Ok();
  }

  Outcome Audiences() {
    TRY(std::string first, settings_.Text("client-id"));
    if (!first.empty()) out_.audiences.push_back(std::move(first));
    if (const Node* more = settings_.Find("audiences")) {
      TRY(const std::vector<std::string> texts, more->Strings());
      for (const std::string& text : texts) {
        if (text.empty()) return more->Wrong("has an empty audience; remove it");
        if (std::ranges::find(out_.audiences, text) == out_.audiences.end()) {
          out_.audiences.push_back(text);
        }
      }
    }
    if (out_.audiences.empty()) return node_.Wrong("has no audience; add client-id: sigstore");
    return Ok();
  }

  // A setting of another type would be ignored in silence: it is refused.
  Outcome OnlyFor(std::string_view what, std::initializer_list<IssuerType> types) {
    if (settings_.Find(what) == nullptr || std::ranges::find(types, out_.type) != types.end()) {
      return Ok();
    }
    return At(what).Wrong("has no meaning for type " + out_.type_text + "; remove it");
  }

  Outcome TypeSettings() {
    TRY(OnlyFor("ci-provider", {IssuerType::kCiProvider}));
    TRY(OnlyFor("default-template-values", {IssuerType::kCiProvider}));
    TRY(OnlyFor("issuer-claim", {IssuerType::kEmail}));
    TRY(OnlyFor("skip-email-verification", {IssuerType::kEmail, IssuerType::kChainguardIdentity}));
    TRY(OnlyFor("subject-domain", {IssuerType::kUri, IssuerType::kUsername}));
    TRY(OnlyFor("spiffe-trust-domain", {IssuerType::kSpiffe}));
    TRY(out_.skip_email_verification, settings_.Flag("skip-email-verification"));
    TRY(out_.subject_domain, settings_.Text("subject-domain"));
    TRY(out_.spiffe_trust_domain, settings_.Text("spiffe-trust-domain"));
    if (out_.type == IssuerType::kSpiffe && !IsTrustDomain(out_.spiffe_trust_domain)) {
      return At("spiffe-trust-domain").Wrong("needs spiffe-trust-domain: example.org");
    }
    TRY(IssuerClaim());
    TRY(Provider());
    out_.platform = PlatformOf(out_.type, out_.ci_provider.get());
    out_.max_token_age = DefaultTokenAge(out_.type, out_.platform, out_.ci_provider.get());
    TRY(OwnSite());
    TRY(MergeRequests());
    if (out_.type == IssuerType::kUri) return UriDomain();
    if (out_.type == IssuerType::kUsername) return UsernameDomain();
    return Ok();
  }

  // JSONPath "$.a.b" only.
  Outcome IssuerClaim() {
    TRY(const std::string path, settings_.Text("issuer-claim"));
    if (path.empty()) return Ok();
    const auto wrong = [this] {
      return At("issuer-claim")
          .Wrong("must be of the form $.name.name, as $.federated_claims.connector_id");
    };
    if (!path.starts_with("$.")) return wrong();
    for (std::size_t begin = 2; begin <= path.size();) {
      const std::size_t end = std::min(path.find('.', begin), path.size());
      const std::string name = path.substr(begin, end - begin);
      if (name.empty() || name.find_first_of("[]()*?@'\" ") != std::string::npos) return wrong();
      out_.issuer_claim.push_back(name);
      begin = end + 1;
    }
    return Ok();
  }

  Outcome Provider() {
    if (out_.type != IssuerType::kCiProvider) return Ok();
    TRY(const std::string name, settings_.Text("ci-provider"));
    if (!place_.metadata.Has(name)) {
      return At("ci-provider")
          .Wrong("names no entry of ci-issuer-metadata; known:" +
                 (place_.metadata.Names().empty() ? " none" : place_.metadata.Names()));
    }
    auto provider = place_.metadata.Provide(name, settings_.Find("default-template-values"));
    if (!provider) {
      return At("ci-provider").Wrong("names an entry with an error: " + provider.error().detail);
    }
    out_.ci_provider = *std::move(provider);
    return Ok();
  }

  // A self-managed GitHub or GitLab must not have certificates of the public one. Loopback is
  // where tests stand in for a platform.
  Outcome OwnSite() {
    if (place_.rules.foreign_hosts || loopback_) return Ok();
    const auto site = ForeignSite(out_.platform, out_.type, out_.ci_provider.get(), uri_.host);
    if (!site) return Ok();
    std::string constant = "url";
    if (out_.ci_provider != nullptr) {
      for (const auto& [name, value] : out_.ci_provider->constants) {
        if (value == *site) constant = name;
      }
    }
    // An entry that names the site itself means it.
    if (const Node* own = settings_.Find("default-template-values")) {
      const auto said = std::ranges::find(own->members(), constant, &Node::Member::first);
      if (said != own->members().end()) return Ok();
    }
    const std::string fix = "default-template-values: {" + constant + ": " + SiteOfIssuer() + "}";
    if (out_.type == IssuerType::kCiProvider) {
      return node_.Wrong("would have certificates that name " + std::string(*site) +
                         ", which is not this issuer's; add to the entry " + fix);
    }
    return At("type").Wrong("has certificates name " + std::string(*site) +
                            ", which is not this issuer's; write type: ci-provider, ci-provider: " +
                            out_.type_text + " and " + fix);
  }

  // https://git.corp.example of https://git.corp.example/x; GitHub's own hosts issue from
  // token.actions.
  std::string SiteOfIssuer() const {
    const std::size_t host = key_.find("//") + 2;
    std::string site = key_.substr(0, key_.find('/', host));
    constexpr std::string_view kIssuing = "token.actions.";
    if (std::string_view(site).substr(host).starts_with(kIssuing)) {
      site.erase(host, kIssuing.size());
    }
    return site.find('*') == std::string::npos ? site : "https://git.corp.example";
  }

  Outcome MergeRequests() {
    if (place_.rules.merge_request_tokens) out_.merge_request_tokens = MergeRequestTokens::kAccept;
    if (settings_.Find("merge-request-tokens") == nullptr) return Ok();
    if (out_.platform != Platform::kGitlab) {
      return At("merge-request-tokens").Wrong("has a meaning for GitLab only; remove it");
    }
    TRY(const std::string text, settings_.Text("merge-request-tokens"));
    if (text == "refuse") {
      out_.merge_request_tokens = MergeRequestTokens::kRefuse;
    } else if (text == "same-project") {
      out_.merge_request_tokens = MergeRequestTokens::kSameProject;
    } else if (text == "accept") {
      out_.merge_request_tokens = MergeRequestTokens::kAccept;
      place_.warnings.push_back(key_ +
                                ": merge-request-tokens: accept takes tokens whose project_* may "
                                "name a fork that anybody made; prefer same-project");
    } else {
      return At("merge-request-tokens").Wrong("must be refuse, same-project or accept");
    }
    return Ok();
  }

  Outcome CheckShared(std::string_view subject_host) {
    // A pattern with a wildcard in its host has no domain of its own to compare.
    const std::size_t host_end = key_.find('/', key_.find("//") + 2);
    if (key_.substr(0, host_end).find('*') != std::string::npos) return Ok();
    if (!SharesDomain(uri_.host, subject_host)) {
      return At("subject-domain").Wrong("must share the issuer's domain, " + uri_.host);
    }
    return Ok();
  }

  Outcome UriDomain() {
    const auto domain = ParseUri(out_.subject_domain);
    if (!domain || domain->scheme.empty() || domain->host.empty() || domain->user_info) {
      return At("subject-domain").Wrong("must have scheme and host, as https://example.com");
    }
    if (domain->scheme != uri_.scheme) {
      return At("subject-domain").Wrong("must have the issuer's scheme, " + uri_.scheme);
    }
    return CheckShared(domain->host);
  }

  Outcome UsernameDomain() {
    const auto domain = ParseUri("//" + out_.subject_domain);
    if (!domain || domain->host.empty() || domain->host != out_.subject_domain) {
      return At("subject-domain").Wrong("must be a host without scheme, as example.com");
    }
    return CheckShared(domain->host);
  }

  Outcome Transport() {
    TRY(out_.ca_pem, settings_.Text("ca-cert"));
    if (!out_.ca_pem.empty() && !HoldsCertificates(out_.ca_pem)) {
      return At("ca-cert").Wrong("must be certificates as PEM text");
    }
    TRY(const std::string file, settings_.Text("ca-file"));
    if (!file.empty()) out_.ca_file = (place_.directory / file).lexically_normal().string();
    return Ok();
  }

  static bool HoldsCertificates(const std::string& pem) {
    const schema::OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    MUST(bio != nullptr);
    std::size_t count = 0;
    while (schema::OwnedCert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))) ++count;
    // The queue ends with "no start line" after the last certificate; anything else is a broken
    // one.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return count > 0 && at_end;
  }

  Result<std::chrono::seconds> Seconds(std::string_view what, std::chrono::seconds least,
                                       std::chrono::seconds most) {
    TRY(const auto value, At(what).Duration());
    if (value < least || value > most || value % std::chrono::seconds(1) != value.zero()) {
      return At(what).Wrong("must be from " + schema::FormatDuration(least) + " to " +
                            schema::FormatDuration(most));
    }
    return std::chrono::duration_cast<std::chrono::seconds>(value);
  }

  Outcome TokenRules() {
    using std::chrono::minutes;
    using std::chrono::seconds;
    if (settings_.Find("skew") != nullptr) {
      TRY(out_.skew, Seconds("skew", seconds(0), minutes(5)));
    }
    if (settings_.Find("max-token-age") != nullptr) {
      TRY(out_.max_token_age, Seconds("max-token-age", seconds(1), schema::limits::kTokenAge));
    }
    if (settings_.Find("jti") != nullptr) {
      TRY(out_.jti, settings_.Text("jti"));
      if (out_.jti != "optional" && out_.jti != "required") {
        return At("jti").Wrong("must be optional or required");
      }
    }
    TRY(out_.verbose_denials, settings_.Flag("verbose-denials"));
    return Ok();
  }

  const std::string& key_;
  const Node& node_;
  const Settings& settings_;
  const IssuerPlace& place_;
  Uri uri_;
  bool loopback_ = false;
  Issuer out_{};
};

}  // namespace

Result<std::shared_ptr<const Issuer>> ReadIssuer(const std::string& key, const Node& node,
                                                 const IssuerPlace& place) {
  TRY(const Settings settings,
      Settings::Read(node, kIssuerKeys, place.rules.lenient_keys ? &place.warnings : nullptr));
  return EntryReader(key, node, settings, place).Run();
}

}  // namespace oidc
