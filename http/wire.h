// Fulcio's JSON on the wire: requests in, answers out (proto3 JSON as grpc-gateway reads and writes
// it).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/request.h"
#include "oidc/verifier.h"
#include "schema/base/result.h"

namespace http {

extern const schema::ErrorKind kBadRequest;  // kCaller

struct SigningRequest {
  std::string token;  // from the body, or empty
  ca::KeyRequest key;
};

// POST /api/v2/signingCert. Names in lowerCamelCase or snake_case; null is unset; unknown names are
// dropped; both members of the oneof, a repeated name or a wrong type is kBadRequest naming the
// field.
schema::Result<SigningRequest> ParseSigningRequestV2(std::string_view body);
// POST /api/v1/signingCert. The token is only ever in the header; a CSR wins over a key.
schema::Result<SigningRequest> ParseSigningRequestV1(std::string_view body);

// The token: the body's when it is not empty, else the Authorization header without its first
// "Bearer ".
std::string PickToken(const SigningRequest& request, std::string_view authorization);

// `chain` is PEM, leaf first, no trailing newlines.
std::string SigningAnswerV2(const std::vector<std::string>& chain);
std::string SigningAnswerV1(const std::vector<std::string>& chain);
// One chain for each issuing CA.
std::string TrustBundleAnswer(const std::vector<std::vector<std::string>>& chains);
std::string RootCertAnswer(const std::vector<std::string>& certificates);
std::string ConfigurationAnswer(const std::vector<oidc::IssuerInfo>& issuers);

}  // namespace http
