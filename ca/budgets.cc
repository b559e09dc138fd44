#include "ca/budgets.h"

#include <chrono>

#include "schema/base/json.h"
#include "schema/base/time.h"
#include "schema/vocabulary.h"

namespace ca {

using schema::Error;
using schema::Result;

const schema::ErrorKind kRunUnknown{
    "run-unknown", schema::Fault::kPolicy,
    "the rule that allows this counts certificates per run, and the token does not name its run"};

namespace {

// A run is remembered for as long as the longest of the providers lets one go on (GitHub: 35 days).
constexpr std::chrono::hours kRunRemembered{35 * 24};

// Parts with their lengths: no two lists of parts give the same octets.
class BucketName {
 public:
  BucketName& Add(std::string_view part) {
    text_.append(std::to_string(part.size())).append(1, ':').append(part);
    return *this;
  }
  schema::Hash Digest() const { return schema::Sha256(schema::AsBytes(text_)); }

 private:
  std::string text_;
};

schema::Outcome AddRun(std::string_view kind, const schema::Identity& identity, BucketName& name) {
  const schema::Vocabulary* vocabulary = schema::FindVocabulary(kind);
  if (vocabulary == nullptr || vocabulary->run.empty()) {
    if (!identity.token_id) return Error{&kRunUnknown, "neither run nor token id"};
    name.Add("token").Add(schema::Hex(*identity.token_id));
    return schema::Ok();
  }
  for (const std::string_view claim : vocabulary->run) {
    const auto found = identity.claims.find(claim);
    // A double may have lost the digits that tell it from another.
    if (found == identity.claims.end() || found->is_null() || found->is_structured() ||
        found->is_number_float()) {
      return Error{&kRunUnknown, std::string(claim) + " is missing or no plain value"};
    }
    std::string text;
    schema::AppendJson(*found, text);
    name.Add(claim).Add(text);
  }
  return schema::Ok();
}

}  // namespace

Result<std::vector<Budget>> BudgetsOf(const GrantTerms& terms, const std::string& rule,
                                      std::string_view kind, const schema::Identity& identity) {
  std::vector<Budget> budgets;
  if (terms.per_run) {
    BucketName name;
    name.Add("per-run").Add(rule).Add(identity.issuer);
    TRY(AddRun(kind, identity, name));
    budgets.push_back({name.Digest(), static_cast<std::uint64_t>(*terms.per_run), kRunRemembered,
                       "per-run: " + std::to_string(*terms.per_run)});
  }
  if (terms.per_identity) {
    const GrantTerms::Rate& rate = *terms.per_identity;
    BucketName name;
    name.Add("per-identity").Add(rule).Add(identity.issuer).Add(identity.subject);
    budgets.push_back({name.Digest(), static_cast<std::uint64_t>(rate.count), rate.within,
                       "per-identity: " + std::to_string(rate.count) + " within " +
                           schema::FormatDuration(rate.within)});
  }
  return budgets;
}

}  // namespace ca
