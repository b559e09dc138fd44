#include "http/trust_routes.h"

#include "ca/trust.h"
#include "http/wire.h"

namespace http {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kPemChain = "application/pem-certificate-chain";

std::vector<std::vector<std::string>> Chains(const ca::IssuingCas& cas) {
  std::vector<std::vector<std::string>> chains = {cas.active().chain.pem};
  for (const auto& ca : cas.all()) {
    if (ca.get() != &cas.active()) chains.push_back(ca->chain.pem);
  }
  return chains;
}

}  // namespace

void AddTrustRoutes(const Services& services, Router& router) {
  router.Add("GET", "/api/v2/trustBundle", [&services](const Request&) {
    return Response{200, kJson, TrustBundleAnswer(Chains(*services.cas.Now())), {}};
  });
  router.Add("GET", "/api/v1/rootCert", [&services](const Request&) {
    return Response{200, kPemChain, RootCertAnswer(ca::AllCertificates(*services.cas.Now())), {}};
  });
  router.Add("GET", "/trust/trusted_root.json", [&services](const Request&) {
    return Response{
        200, kJson, ca::TrustedRoot(services.config, *services.cas.Now(), services.log.keys()), {}};
  });
  router.Add("GET", "/trust/chain.pem", [&services](const Request&) {
    return Response{
        200, kPemChain, SigningAnswerV1(ca::AllCertificates(*services.cas.Now())) + "\n", {}};
  });
  router.Add(
      "GET", "/trust/ct.pub",
      [body = ca::Pem("PUBLIC KEY", services.log.keys().log_key.view()) + "\n"](const Request&) {
        return Response{200, "application/x-pem-file", body, {}};
      });
  router.Add("GET", "/trust/log-keys.txt",
             [body = ca::LogVerifierKeys(services.config, services.log.keys())](const Request&) {
               return Response{200, "text/plain; charset=utf-8", body, {}};
             });
  // The process answers: whether it can issue is /readyz on the internal endpoint.
  router.Add("GET", "/healthz", [](const Request&) {
    return Response{200, kJson, "{\"status\":\"SERVING\"}\n", {}};
  });
  router.Add("GET", "/api/v2/configuration", [&services](const Request&) {
    return Response{200, kJson, ConfigurationAnswer(services.verifier.Issuers()), {}};
  });
}

}  // namespace http
