#include "ca/trust.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/json.h"

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

}  // namespace ca
