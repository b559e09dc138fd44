#include "http/commands/config_check.h"

#include <cstdio>
#include <string>
#include <vector>

#include "ca/chain.h"
#include "ca/issuing_cas.h"
#include "ca/policy.h"
#include "ca/tsa/stamping.h"
#include "hsm/rotation.h"
#include "http/commands/compat_flag.h"
#include "oidc/issuers.h"
#include "schema/base/file.h"
#include "schema/config.h"

namespace http {
namespace {

// One line for each part; the first fault of each, because they are mended one by one.
class Report {
 public:
  void Add(const std::string& part, const schema::Error* error) {
    if (error != nullptr) faults_ += 1;
    std::printf("%-10s %s\n", part.c_str(), error == nullptr ? "ok" : error->Describe().c_str());
  }
  // Worth knowing, and no reason to refuse.
  static void Warn(const std::string& part, const std::string& what) {
    std::printf("%-10s warning: %s\n", part.c_str(), what.c_str());
  }
  int faults() const { return faults_; }

 private:
  int faults_ = 0;
};

template <class T>
const schema::Error* ErrorOf(const schema::Result<T>& result) {
  return result ? nullptr : &result.error();
}

void CheckIssuers(const schema::Config& config, const oidc::Rules& rules, Report& report) {
  const auto text = schema::ReadFile(config.issuers);
  if (!text) return report.Add("issuers", &text.error());
  std::vector<schema::Error> problems;
  const auto issuers = oidc::LoadIssuers(*text, config.directory, problems, rules);
  report.Add("issuers", ErrorOf(issuers));
  for (const schema::Error& problem : problems) report.Add("issuer", &problem);
  if (!issuers) return;
  for (const std::string& warning : issuers->warnings) Report::Warn("issuers", warning);
}

void CheckPolicy(const schema::Config& config, Report& report) {
  const auto text = schema::ReadFile(config.policy);
  if (!text) return report.Add("policy", &text.error());
  report.Add("policy", ErrorOf(ca::Policy::Parse(*text)));
}

void CheckChain(const schema::Config& config, Report& report) {
  const auto pem = schema::ReadFile(config.ca.chain);
  if (!pem) return report.Add("ca.chain", &pem.error());
  const schema::Time now = schema::ToSeconds(schema::SystemClock().Now());
  const auto chain = ca::LoadChain(*pem, now);
  report.Add("ca.chain", ErrorOf(chain));
  if (!chain || !config.log.precertificate) return;
  report.Add("log", ErrorOf(ca::ReadPrecertificateSigner(config, *chain, now)));
}

void CheckTsa(const schema::Config& config, Report& report) {
  if (!config.tsa) return;
  const auto now = schema::ToSeconds(schema::SystemClock().Now());
  report.Add("tsa.chain", ErrorOf(ca::ReadTimestampChain(*config.tsa, now)));
}

void CheckRotation(const schema::Config& config, Report& report) {
  if (config.ca.rotation.empty()) return;
  const auto rotation = hsm::ReadRotation(config);
  if (!rotation) return report.Add("rotation", &rotation.error());
  const auto now = schema::ToSeconds(schema::SystemClock().Now());
  report.Add("rotation", ErrorOf(ca::IssuingCas::Load(config, *rotation, now)));
}

int Check(const std::string& file, const oidc::Rules& rules) {
  Report report;
  const auto text = schema::ReadFile(file);
  if (!text) {
    report.Add("file", &text.error());
    return 1;
  }
  const auto config = schema::ParseConfig(*text, file);
  report.Add("settings", ErrorOf(config));
  if (!config) return 1;
  CheckChain(*config, report);
  CheckTsa(*config, report);
  CheckRotation(*config, report);
  CheckIssuers(*config, rules, report);
  CheckPolicy(*config, report);
  return report.faults() == 0 ? 0 : 1;
}

}  // namespace

void RegisterConfigCheck(CLI::App& app, int& exit_code) {
  CLI::App* config = app.add_subcommand("config", "The configuration");
  config->require_subcommand(1);
  CLI::App* check =
      config->add_subcommand("check", "Say what `serve` would refuse, one line for each part");
  check->footer("Example:\n  chancery config check --config /etc/chancery/chancery.yaml");
  auto file = std::make_shared<std::string>();
  check->add_option("--config", *file, "chancery.yaml")->required()->check(CLI::ExistingFile);
  const auto compat = std::make_shared<bool>(false);
  AddFulcioCompat(*check, *compat);
  check->callback([file, compat, &exit_code] { exit_code = Check(*file, RulesOf(*compat)); });
}

}  // namespace http
