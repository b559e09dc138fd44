#include "http/trust_routes.h"

#include "ca/trust.h"
#include "http/wire.h"

namespace http {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kPemChain = "application/pem-certificate-chain";

// A document that never changes while the server runs.
void Fixed(Router& router, const char* path, const char* type, std::string body) {
  router.Add("GET", path, [type, body = std::move(body)](const Request&) {
    return Response{200, type, body, {}};
  });
}

}  // namespace

void AddTrustRoutes(const Services& services, Router& router) {
  const std::vector<std::string>& chain = services.chain.pem;
  Fixed(router, "/api/v2/trustBundle", kJson, TrustBundleAnswer(chain));
  Fixed(router, "/api/v1/rootCert", kPemChain, RootCertAnswer(chain));
  Fixed(router, "/trust/trusted_root.json", kJson,
        ca::TrustedRoot(services.config, services.chain, services.log.keys()));
  Fixed(router, "/trust/chain.pem", kPemChain, SigningAnswerV1(chain) + "\n");
  Fixed(router, "/trust/ct.pub", "application/x-pem-file",
        ca::Pem("PUBLIC KEY", services.log.keys().log_key.view()) + "\n");
  Fixed(router, "/trust/log-keys.txt", "text/plain; charset=utf-8",
        ca::LogVerifierKeys(services.config, services.log.keys()));
  // The process answers: whether it can issue is /readyz on the internal endpoint.
  Fixed(router, "/healthz", kJson, "{\"status\":\"SERVING\"}\n");
  router.Add("GET", "/api/v2/configuration", [&services](const Request&) {
    return Response{200, kJson, ConfigurationAnswer(services.verifier.Issuers()), {}};
  });
}

}  // namespace http
