#include "ca/trust.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/json.h"

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

// `until`: whole seconds, none of which its last SCT is after.
Json CertificateLog(const schema::Config& config, const IssuingCas& cas, const FormerShard& shard,
                    std::optional<schema::Time> until) {
  // The first SCT is not older than the shard, and no certificate is older than its chain.
  schema::Time start = schema::ToSeconds(shard.since);
  for (const auto& ca : cas.all()) start = std::min(start, ca->chain.not_before);
  Json window = {{"start", schema::Rfc3339(start)}};
  if (until) window["end"] = schema::Rfc3339(*until);
  return {
      {"baseUrl", config.public_url + "/log/certificates/" + shard.name},
      {"hashAlgorithm", "SHA2_256"},
      {"publicKey",
       {{"rawBytes", schema::Base64(shard.log_key.view())},
        {"keyDetails", "PKIX_ECDSA_P256_SHA_256"},
        {"validFor", std::move(window)}}},
      {"logId", {{"keyId", schema::Base64(schema::Sha256(shard.log_key.view()))}}},
  };
}

Json CertificateLogs(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys) {
  Json logs = Json::array();
  for (const FormerShard& shard : keys.former) {
    logs.push_back(CertificateLog(config, cas, shard,
                                  schema::ToSeconds(shard.until) + std::chrono::seconds(1)));
  }
  const FormerShard written{config.log.certificates.shard, keys.log_key, keys.since, {}};
  logs.push_back(CertificateLog(config, cas, written, std::nullopt));
  const auto& next = cas.next_shard();
  if (next && next->terms.name != written.name) {
    logs.push_back(CertificateLog(
        config, cas, {next->terms.name, next->log_key, next->terms.prepared, {}}, std::nullopt));
  }
  return logs;
}

}  // namespace

std::string TrustedRoot(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys) {
  Json authorities = Json::array();
  for (const auto& ca : cas.all()) authorities.push_back(CertificateAuthority(config, *ca));
  return Json{
             {"mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
             {"tlogs", Json::array()},
             {"certificateAuthorities", std::move(authorities)},
             {"ctlogs", CertificateLogs(config, cas, keys)},
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

}  // namespace ca
