// The file of a ceremony, `ceremony.yaml`: all that is going to be made, to be read by people
// before.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::ceremony {

// A step is held in one place, at one time: an offline machine has the root's token, another one
// the issuing CA's.
enum class Step {
  kMakeRoot,        // root key, its certificate, cross-certificates
  kRequestIssuing,  // issuing, log, precertificate and timestamp keys; the certification request
  kSignIssuing,     // the root signs the issuing CA and the timestamp authority
  kFinish,          // precertificate certificate, chains
};
inline constexpr std::size_t kSteps = 4;
std::string_view StepName(Step step);  // "root", "issuing-request", "issuing-sign", "finish"
std::optional<Step> StepOf(std::string_view name);

struct Subject {
  std::string organization, common_name;
};

struct Validity {
  std::optional<schema::Time> from;  // nothing: an hour before the step began
  std::chrono::seconds lifetime{};
};

struct RootPlan {
  std::string key;                    // pkcs11: URI
  std::filesystem::path certificate;  // there already; empty: key and certificate are made
  Subject subject;
  Validity validity;
};

// Another root, for which and by which cross-certificates are made (RFC 4210 4.4.1).
struct PreviousRootPlan {
  std::filesystem::path certificate;
  std::string key;  // empty: only the new root signs
  Validity validity;
};

struct IssuingPlan {
  std::string key;
  std::filesystem::path renews;  // its certificate so far; empty: a new key
  Subject subject;               // of the renewed certificate when there is one
  Validity validity;
};

struct LogPlan {
  std::string key;  // pkcs11: URI or file:
};

// A key with a certificate of its own that is no issuing CA's: a Precertificate Signing Certificate
// (RFC 6962 3.1), a timestamp authority (RFC 3161 2.3).
struct CertifiedPlan {
  std::string key;  // pkcs11: URI or file:
  Subject subject;
  Validity validity;
};

struct Plan {
  std::string name;
  std::vector<std::string> witnesses;
  std::map<std::string, std::string> module_env;
  RootPlan root;
  std::optional<PreviousRootPlan> previous_root;
  IssuingPlan issuing;
  std::optional<LogPlan> log;
  std::optional<CertifiedPlan> precertificate;  // under the issuing CA
  // Under the root: an issuing CA is for code signing alone, and so is all below it.
  std::optional<CertifiedPlan> timestamp;

  std::string text;                 // the file
  schema::Hash digest;              // of `text`
  std::filesystem::path directory;  // where relative paths and those of the URIs start
};

// kBadSetting or kBadDocument: unknown keys, missing values and wrong ones by path and line. No
// file that it names is opened.
schema::Result<Plan> ParsePlan(std::string_view text, const std::filesystem::path& directory);

}  // namespace ca::ceremony
