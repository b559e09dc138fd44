#include "http/commands/trust_documents.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "ca/log/stored_keys.h"
#include "ca/profile.h"
#include "ca/trust.h"
#include "ca/tsa/kept_chains.h"
#include "hsm/rotation.h"
#include "schema/base/file.h"

namespace http {
namespace {

// What the server kept, and the configured one when it has not run with it yet.
schema::Result<std::vector<ca::TimestampChain>> TimestampChains(const schema::Config& config) {
  TRY(std::vector<ca::TimestampChain> chains, ca::KeptTimestampChains(config.state));
  if (!config.tsa) return chains;
  TRY(const std::string pem, schema::ReadFile(config.tsa->chain));
  TRY(ca::TimestampChain chain, ca::LoadTimestampChain(pem, std::nullopt));
  const bool kept =
      std::ranges::any_of(chains, [&](const auto& one) { return one.digest == chain.digest; });
  if (!kept) chains.push_back(std::move(chain));
  return chains;
}

}  // namespace

schema::Result<std::map<std::string, std::string>> TrustDocuments(const std::string& config_file) {
  TRY(const std::string text, schema::ReadFile(config_file));
  TRY(const schema::Config config, schema::ParseConfig(text, config_file));
  TRY(const schema::Rotation rotation, hsm::ReadRotation(config));
  TRY(const ca::IssuingCas cas,
      ca::IssuingCas::Load(config, rotation, schema::ToSeconds(schema::SystemClock().Now())));
  TRY(const ca::LogKeys keys, ca::StoredLogKeys(config));
  TRY(const auto timestamps, TimestampChains(config));
  const std::string root = ca::TrustedRoot(config, cas, keys, timestamps);
  const std::string signing = ca::SigningConfig(config, cas);
  std::string chain;
  for (const std::string& certificate : ca::AllCertificates(cas)) chain += certificate + "\n";
  return std::map<std::string, std::string>{
      {"trusted_root.json", root},
      {"trusted_root.jsonl", ca::OneLine(root)},
      {"signing_config.v0.2.json", signing},
      {"client_trust_config.json", ca::ClientTrustConfig(root, signing)},
      {"chain.pem", chain},
      {"ct.pub", ca::Pem("PUBLIC KEY", keys.log_key.view()) + "\n"},
      {"log-keys.txt", ca::LogVerifierKeys(config, keys)},
  };
}

}  // namespace http
