#include "ca/trust.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/log/verifier_key.h"

namespace ca {
namespace {

using schema::Json;

Json CertificateAuthority(const schema::Config& config, const IssuingCa& ca) {
  const Chain& chain = ca.chain;
  Json certificates = Json::array();
  for (const schema::CertDer& certificate : chain.certificates) {
    certificates.push_back({{"rawBytes", schema::Base64(certificate.view())}});
  }
  Json window = {{"start", schema::Rfc3339(chain.not_before)}};
  if (ca.until) window["end"] = schema::Rfc3339(*ca.until);
  return {
      {"subject", {{"organization", chain.organization}, {"commonName", chain.common_name}}},
      {"uri", config.public_url},
      {"certChain", {{"certificates", std::move(certificates)}}},
      {"validFor", std::move(window)},
  };
}

Json CertificateLog(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys) {
  // The first SCT is not older than the shard, and no certificate is older than its chain.
  schema::Time start = schema::ToSeconds(keys.since);
  for (const auto& ca : cas.all()) start = std::min(start, ca->chain.not_before);
  return {
      {"baseUrl", config.public_url + "/log/certificates/" + config.log.certificates.shard},
      {"hashAlgorithm", "SHA2_256"},
      {"publicKey",
       {{"rawBytes", schema::Base64(keys.log_key.view())},
        {"keyDetails", "PKIX_ECDSA_P256_SHA_256"},
        {"validFor", {{"start", schema::Rfc3339(start)}}}}},
      {"logId", {{"keyId", schema::Base64(keys.log_id)}}},
  };
}

}  // namespace

std::string TrustedRoot(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys) {
  Json authorities = Json::array();
  for (const auto& ca : cas.all()) authorities.push_back(CertificateAuthority(config, *ca));
  return Json{
             {"mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
             {"tlogs", Json::array()},
             {"certificateAuthorities", std::move(authorities)},
             {"ctlogs", Json::array({CertificateLog(config, cas, keys)})},
             {"timestampAuthorities", Json::array()},
         }
             .dump(2) +
         "\n";
}

std::vector<std::string> AllCertificates(const IssuingCas& cas) {
  std::vector<std::string> all;
  const auto add = [&all](const Chain& chain) {
    for (const std::string& pem : chain.pem) {
      if (std::ranges::find(all, pem) == all.end()) all.push_back(pem);
    }
  };
  add(cas.active().chain);
  for (const auto& ca : cas.all()) add(ca->chain);
  return all;
}

std::string LogVerifierKeys(const schema::Config& config, const LogKeys& keys) {
  using schema::NoteKeyType;
  const schema::LogSettings& log = config.log;
  const schema::VerifierKey all[] = {
      {log.certificates.origin, NoteKeyType::kTreeHead, keys.log_key.bytes()},
      {log.certificates.origin, NoteKeyType::kEd25519, keys.certificates_note_key},
      {log.events.origin, NoteKeyType::kEd25519, keys.events_note_key}};
  std::string out =
      "# Verifier keys (C2SP signed-note) of the certificates log, twice, and of the events log.\n"
      "# Add a line for each witness you know: its cosignatures are then asked for.\n";
  for (const schema::VerifierKey& key : all) out += key.Text() + '\n';
  return out;
}

}  // namespace ca
