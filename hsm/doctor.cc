#include "hsm/doctor.h"

#include <algorithm>
#include <iterator>

#include "hsm/custody.h"
#include "hsm/drained.h"
#include "hsm/key_set.h"
#include "hsm/rotation.h"

namespace hsm {

using schema::Outcome;

namespace {

std::string Milliseconds(schema::Steady::duration took) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  return std::to_string(micros / 1000) + "." + std::to_string(micros % 1000 / 100) + " ms";
}

// What the first certificate of a key's chain has to be, and what is said of another.
struct Wanted {
  const schema::SpkiDer& key;
  const std::filesystem::path& chain;
  std::string_view other, remedy;
};

Wanted WantedOf(const schema::Config& config, const GuardSettings& guard, KeyChain chain) {
  switch (chain) {
    case KeyChain::kIssuing:
      return {guard.issuing_key, config.ca.chain, kOtherChain, kOtherChainRemedy};
    case KeyChain::kPrecertificate:
      return {guard.precertificate->key, config.log.precertificate->chain,
              kOtherPrecertificateChain, kOtherPrecertificateChainRemedy};
    case KeyChain::kTimestamp:
      return {guard.timestamp->key, config.tsa->chain, kOtherTimestampChain,
              kOtherTimestampChainRemedy};
    case KeyChain::kNone:
      break;
  }
  MUST(false);
}

Outcome CheckChain(const schema::Config& config, const KeyTerms& terms, const SigningKey& key,
                   Opening& opening) {
  const auto guard = ReadGuardSettings(config);
  if (!guard) {
    return opening.Failed(Step::kChain, guard.error().detail,
                          "it names a PEM file, the certificate of the key first");
  }
  const Wanted wanted = WantedOf(config, *guard, terms.chain);
  if (wanted.key != key.spki()) {
    return opening.Failed(Step::kChain, std::string(wanted.other), std::string(wanted.remedy));
  }
  opening.Passed(Step::kChain, wanted.chain.string());
  return schema::Ok();
}

Outcome Walk(const schema::Config& config, const std::string& text, const KeyTerms& terms,
             Modules& modules, Opening& opening, std::string& report) {
  const auto uri = ParseKeyUri(text, config.directory);
  if (!uri) {
    return opening.Failed(Step::kUri, uri.error().detail, "see RFC 7512 and config/chancery.yaml");
  }
  LoginReport login;
  TRY(const auto key, OpenTokenKey(*uri, terms, modules, opening, login));
  report = key->report();
  const auto begin = schema::Steady::now();
  if (const auto proof = Prove(*key); !proof) {
    return opening.Failed(Step::kSignature, proof.error().detail, "");
  }
  opening.Passed(Step::kSignature, "verified, " + Milliseconds(schema::Steady::now() - begin));
  if (terms.chain == KeyChain::kNone) return schema::Ok();
  return CheckChain(config, terms, *key, opening);
}

// Walks to keys and gathers what was found.
class Rounds {
 public:
  explicit Rounds(const schema::Config& config)
      : config_(config), notes_(ReadDrainNotes(config.state)) {}

  // A key that is in no token has nothing to walk to.
  void Add(const std::string& text, const KeyTerms& terms, const std::string& token) {
    if (!text.starts_with("pkcs11:")) return;
    Opening opening;
    std::string report;
    const Outcome walked = Walk(config_, text, terms, modules_, opening, report);
    const bool refused = !walked && walked.error().Is(kPinRefused);
    const auto note = notes_.find(token);
    const bool drained = note != notes_.end() && note->second.drained;
    all_.push_back({"", terms.setting, opening.steps(), walked.has_value(), refused, drained,
                    std::move(report)});
  }
  std::vector<KeyDiagnosis> Take() { return std::move(all_); }

 private:
  const schema::Config& config_;
  const DrainNotes notes_;
  Modules modules_;
  std::vector<KeyDiagnosis> all_;
};

std::vector<KeyDiagnosis> DiagnoseLog(const schema::Config& config) {
  Rounds rounds(config);
  for (const schema::KeyToken& key : config.log.certificates.keys) {
    rounds.Add(key.uri, LogTerms(config, key), key.name);
  }
  if (const auto& signer = config.log.precertificate) {
    rounds.Add(signer->key, PrecertificateTerms(config), "");
  }
  if (config.tsa) rounds.Add(config.tsa->key, TimestampTerms(config), "");
  return rounds.Take();
}

}  // namespace

std::vector<KeyDiagnosis> DiagnoseIssuing(const schema::Config& config) {
  Rounds rounds(config);
  for (const schema::KeyToken& key : config.ca.keys) {
    rounds.Add(key.uri, IssuingTerms(config, key), key.name);
  }
  return rounds.Take();
}

schema::Result<std::vector<KeyDiagnosis>> Diagnose(const schema::Config& config) {
  TRY(const schema::Rotation rotation, ReadRotation(config));
  std::vector<KeyDiagnosis> all;
  for (const schema::RotationCa& ca : rotation.cas) {
    if (ca.state == schema::CaState::kRetired) continue;
    for (KeyDiagnosis& key : DiagnoseIssuing(schema::ConfigOf(config, ca))) {
      if (rotation.cas.size() > 1) key.ca = ca.name;
      all.push_back(std::move(key));
    }
  }
  std::ranges::move(DiagnoseLog(config), std::back_inserter(all));
  return all;
}

}  // namespace hsm
