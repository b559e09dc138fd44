#include "ca/who_can.h"

#include <algorithm>
#include <map>
#include <set>

#include "ca/asked.h"
#include "ca/issuer_kind.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Result;
using Finding = Condition::Finding;

namespace {

// How a kind's tokens name a repository and its id.
struct RepositoryClaims {
  std::string_view kind, name, owner, id;  // owner: what stands before the last "/"
};
constexpr RepositoryClaims kRepositories[] = {
    {"github-workflow", "repository", "repository_owner", "repository_id"},
    {"gitlab-pipeline", "project_path", "namespace_path", "project_id"},
    {"buddy-pipeline", "project_name", "", "pipeline_id"},
    {"circleci-job", "oidc.circleci.com/vcs-origin", "", "oidc.circleci.com/project-id"},
    {"codefresh-workflow", "scm_repo_url", "", "pipeline_id"},
};

// The claims behind a SAN: `prefix` and the claim's text.
struct SanClaim {
  std::string_view kind, prefix, claim;
};
constexpr SanClaim kSans[] = {
    {"github-workflow", "https://github.com/", "job_workflow_ref"},
    {"gitlab-pipeline", "https://", "ci_config_ref_uri"},
    {"email", "", "email"},
    {"spiffe", "", "sub"},
    {"uri", "", "sub"},
};

// What is known of the claims of one issuer's tokens.
struct Known {
  bool complete = false;
  Json claims = Json::object();
  std::string workflow_of;  // GitHub: the workflow file is in this repository
};

bool AddRepository(const WhoQuestion& question, std::string_view kind, Known* known) {
  if (question.repository.empty() && question.repository_id.empty()) return true;
  const auto* const row = std::ranges::find(kRepositories, kind, &RepositoryClaims::kind);
  if (row == std::end(kRepositories)) return false;
  if (!question.repository.empty()) {
    known->claims[std::string(row->name)] = question.repository;
    const std::size_t slash = question.repository.rfind('/');
    if (!row->owner.empty() && slash != std::string::npos) {
      known->claims[std::string(row->owner)] = question.repository.substr(0, slash);
    }
    if (kind == "github-workflow") known->workflow_of = question.repository + "/";
  }
  if (!question.repository_id.empty()) {
    known->claims[std::string(row->id)] = question.repository_id;
  }
  return true;
}

bool AddSan(const std::string& san, std::string_view kind, Known* known) {
  if (san.empty()) return true;
  const auto* const row = std::ranges::find(kSans, kind, &SanClaim::kind);
  if (row == std::end(kSans) || !san.starts_with(row->prefix)) return false;
  known->claims[std::string(row->claim)] = san.substr(row->prefix.size());
  return true;
}

// Nothing when tokens of this issuer are not what is asked about.
std::optional<Known> KnownOf(const WhoQuestion& question, const PolicyIssuer& issuer) {
  Known known;
  if (question.claims) {
    known.complete = true;
    known.claims = *question.claims;
  }
  const schema::Vocabulary* vocabulary = VocabularyOf(issuer);
  const std::string_view kind = vocabulary != nullptr ? vocabulary->kind : std::string_view();
  if (!AddRepository(question, kind, &known) || !AddSan(question.san, kind, &known)) {
    return std::nullopt;
  }
  for (const auto& [claim, text] : question.known) known.claims[claim] = text;
  return known;
}

enum class Truth { kNo, kYes, kUnknown };

// A workflow of the repository may have this reference: of two texts before the first `*`, one
// begins the other.
bool CanBeIn(const Condition& condition, const std::string& directory) {
  if (condition.op() == Condition::Operator::kRegex) return true;
  return std::ranges::any_of(condition.values(), [&](const std::string& value) {
    const bool glob = condition.op() == Condition::Operator::kGlob;
    const std::string_view fixed =
        std::string_view(value).substr(0, glob ? value.find('*') : value.npos);
    return glob && fixed.size() < directory.size() ? directory.starts_with(fixed)
                                                   : fixed.starts_with(directory);
  });
}

Truth TruthOf(const Condition& condition, const Known& known, Effect effect) {
  if (!known.complete && !known.claims.contains(condition.claim())) {
    if (!known.workflow_of.empty() && condition.claim() == "workflow_ref" &&
        condition.op() != Condition::Operator::kAbsent && !CanBeIn(condition, known.workflow_of)) {
      return Truth::kNo;
    }
    return Truth::kUnknown;
  }
  const Finding finding = condition.Test(known.claims);
  const bool holds =
      finding == Finding::kMatched || (effect == Effect::kDeny && finding == Finding::kWrongType);
  return holds ? Truth::kYes : Truth::kNo;
}

// False when one condition certainly fails.
bool Sort(const Rule& rule, const Known& known, std::vector<const Condition*>* hold,
          std::vector<const Condition*>* open) {
  for (const std::vector<Condition>* list : {&rule.when, &rule.grant.when}) {
    for (const Condition& condition : *list) {
      switch (TruthOf(condition, known, rule.effect)) {
        case Truth::kNo:
          return false;
        case Truth::kYes:
          if (hold != nullptr) hold->push_back(&condition);
          break;
        case Truth::kUnknown:
          open->push_back(&condition);
          break;
      }
    }
  }
  return true;
}

bool IsFor(const Rule& rule, const PolicyIssuer& issuer) {
  if (rule.issuers.empty()) return rule.effect == Effect::kDeny;
  return std::ranges::find(rule.issuers, issuer.url) != rule.issuers.end();
}

// The allow rule itself excludes what the deny rule wants: that one is no news to its reader.
bool Excluded(const Rule& allow, const std::vector<const Condition*>& unless) {
  return std::ranges::any_of(unless, [&](const Condition* denied) {
    return std::ranges::any_of(allow.when, [&](const Condition& wanted) {
      const bool listed =
          wanted.op() == Condition::Operator::kExact || wanted.op() == Condition::Operator::kAny;
      return listed && wanted.claim() == denied->claim() &&
             denied->op() != Condition::Operator::kAbsent &&
             std::ranges::none_of(wanted.values(), [&](const std::string& value) {
               return denied->MatchesText(value);
             });
    });
  });
}

void AddDenied(const Policy& policy, const Known& known, WhoAnswer* answer) {
  for (const Rule& deny : policy.deny()) {
    if (deny.mode == Mode::kAudit || !IsFor(deny, *answer->issuer)) continue;
    WhoDenied denied{&deny, {}};
    if (!Sort(deny, known, nullptr, &denied.unless)) continue;
    if (!denied.unless.empty() && Excluded(*answer->rule, denied.unless)) continue;
    answer->denied.push_back(std::move(denied));
  }
}

Result<std::vector<const PolicyIssuer*>> IssuersOf(const Policy& policy,
                                                   const WhoQuestion& question) {
  std::vector<const PolicyIssuer*> out;
  std::string name = question.issuer;
  if (name.empty() && question.claims) {
    TRY(const schema::Identity identity, IdentityOf(policy, *question.claims, ""));
    name = identity.issuer;
  }
  if (!name.empty()) {
    const PolicyIssuer* found = FindIssuerNamed(policy.issuers(), name);
    if (found == nullptr) return Error{&kBadInput, "the policy has no issuer '" + name + "'"};
    out.push_back(found);
    return out;
  }
  for (const PolicyIssuer& issuer : policy.issuers()) out.push_back(&issuer);
  return out;
}

}  // namespace

bool WhoAnswer::refused() const {
  return std::ranges::any_of(denied, [](const WhoDenied& one) { return one.unless.empty(); });
}

bool WhoAnswer::certain() const {
  return only_if.empty() && denied.empty() && !expired && rule->mode == Mode::kEnforce;
}

Result<std::vector<WhoAnswer>> WhoCan(const Policy& policy, const WhoQuestion& question,
                                      schema::Time now) {
  TRY(const std::vector<const PolicyIssuer*> issuers, IssuersOf(policy, question));
  std::map<const PolicyIssuer*, Known> known;
  for (const PolicyIssuer* issuer : issuers) {
    if (auto one = KnownOf(question, *issuer)) known.emplace(issuer, *std::move(one));
  }
  if (known.empty()) {
    return Error{&kBadInput,
                 "no issuer of this policy is known to have claims for such a name; give its "
                 "`kind` in the policy, or ask with --claim"};
  }
  std::vector<WhoAnswer> out;
  for (const Rule& rule : policy.allow()) {
    for (const PolicyIssuer* issuer : issuers) {
      const auto found = known.find(issuer);
      if (found == known.end() || !IsFor(rule, *issuer)) continue;
      WhoAnswer answer{&rule, issuer, {}, {}, {}, rule.Expired(now)};
      if (!Sort(rule, found->second, &answer.known, &answer.only_if)) continue;
      AddDenied(policy, found->second, &answer);
      out.push_back(std::move(answer));
    }
  }
  return out;
}

}  // namespace ca
