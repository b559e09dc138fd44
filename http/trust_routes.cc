#include "http/trust_routes.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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

std::string TrustedRootOf(const Services& services, const ca::IssuingCas& cas) {
  return ca::TrustedRoot(services.config, cas, services.log.keys(), services.timestamp_chains);
}

// A document that changes with the issuing CAs alone: made once for each set of them.
void AddDocument(Router& router, const char* path, const char* type, const Services& services,
                 std::function<std::string(const ca::IssuingCas&)> make) {
  struct Made {
    std::mutex mutex;
    std::shared_ptr<const ca::IssuingCas> cas;
    std::string body;
  };
  router.Add(
      "GET", path,
      [&services, type, make = std::move(make), made = std::make_shared<Made>()](const Request&) {
        std::shared_ptr<const ca::IssuingCas> cas = services.cas.Now();
        const std::lock_guard lock(made->mutex);
        if (made->cas != cas) {
          made->body = make(*cas);
          made->cas = std::move(cas);
        }
        return Response{200, type, made->body, {}};
      });
}

}  // namespace

void AddTrustRoutes(const Services& services, Router& router) {
  AddDocument(router, "/api/v2/trustBundle", kJson, services,
              [](const ca::IssuingCas& cas) { return TrustBundleAnswer(Chains(cas)); });
  AddDocument(router, "/api/v1/rootCert", kPemChain, services,
              [](const ca::IssuingCas& cas) { return RootCertAnswer(ca::AllCertificates(cas)); });
  AddDocument(router, "/trust/trusted_root.json", kJson, services,
              [&services](const ca::IssuingCas& cas) { return TrustedRootOf(services, cas); });
  AddDocument(
      router, "/trust/trusted_root.jsonl", "application/jsonl", services,
      [&services](const ca::IssuingCas& cas) { return ca::OneLine(TrustedRootOf(services, cas)); });
  AddDocument(
      router, "/trust/signing_config.v0.2.json", kJson, services,
      [&services](const ca::IssuingCas& cas) { return ca::SigningConfig(services.config, cas); });
  AddDocument(router, "/trust/client_trust_config.json", kJson, services,
              [&services](const ca::IssuingCas& cas) {
                return ca::ClientTrustConfig(TrustedRootOf(services, cas),
                                             ca::SigningConfig(services.config, cas));
              });
  AddDocument(router, "/trust/chain.pem", kPemChain, services, [](const ca::IssuingCas& cas) {
    return SigningAnswerV1(ca::AllCertificates(cas)) + "\n";
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
