#include "ca/trust.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/log/verifier_key.h"

namespace ca {
namespace {

using schema::Json;

Json CertificateAuthority(const schema::Config& config, const Chain& chain) {
  Json certificates = Json::array();
  for (const schema::CertDer& certificate : chain.certificates) {
    certificates.push_back({{"rawBytes", schema::Base64(certificate.view())}});
  }
  return {
      {"subject", {{"organization", chain.organization}, {"commonName", chain.common_name}}},
      {"uri", config.public_url},
      {"certChain", {{"certificates", std::move(certificates)}}},
      {"validFor", {{"start", schema::Rfc3339(chain.not_before)}}},
  };
}

Json CertificateLog(const schema::Config& config, const Chain& chain, const LogKeys& keys) {
  // The first SCT is not older than the shard, and no certificate is older than its chain.
  const schema::Time start = std::min(schema::ToSeconds(keys.since), chain.not_before);
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

std::string TrustedRoot(const schema::Config& config, const Chain& chain, const LogKeys& keys) {
  return Json{
             {"mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
             {"tlogs", Json::array()},
             {"certificateAuthorities", Json::array({CertificateAuthority(config, chain)})},
             {"ctlogs", Json::array({CertificateLog(config, chain, keys)})},
             {"timestampAuthorities", Json::array()},
         }
             .dump(2) +
         "\n";
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
