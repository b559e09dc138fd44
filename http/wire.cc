#include "http/wire.h"

#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"

namespace http {
namespace {

using schema::Error;
using schema::Json;
using schema::Result;

// The member by its lowerCamelCase or its snake_case name; null counts as unset.
Result<const Json*> Member(const Json& object, const char* camel, const char* snake) {
  const auto first = object.find(camel);
  const auto second = std::string_view(camel) == snake ? object.end() : object.find(snake);
  if (first != object.end() && second != object.end()) {
    return Error{&kBadRequest, std::string("both ") + camel + " and " + snake};
  }
  const auto found = first != object.end() ? first : second;
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> Object(const Json& object, const char* camel, const char* snake) {
  TRY(const Json* member, Member(object, camel, snake));
  if (member != nullptr && !member->is_object()) {
    return Error{&kBadRequest, std::string(camel) + " is not an object"};
  }
  return member;
}

Result<std::string> Text(const Json& object, const char* camel, const char* snake) {
  TRY(const Json* member, Member(object, camel, snake));
  if (member == nullptr) return std::string();
  if (!member->is_string()) return Error{&kBadRequest, std::string(camel) + " is not a string"};
  return member->get<std::string>();
}

Result<schema::Bytes> Octets(const Json& object, const char* camel, const char* snake) {
  TRY(const std::string text, Text(object, camel, snake));
  auto bytes = schema::DecodeBase64Lenient(text);
  if (!bytes) return Error{&kBadRequest, std::string(camel) + " is not base64"};
  return bytes;
}

Result<Json> Body(std::string_view body) {
  // An empty body is the empty message.
  if (body.empty()) return Json::object();
  auto json = schema::ParseJson(body, {.bytes = schema::limits::kRequestBodyBytes});
  if (!json) return Error{&kBadRequest, json.error().detail};
  if (!json->is_object()) return Error{&kBadRequest, "the body is not a JSON object"};
  return json;
}

std::string AsString(const schema::Bytes& bytes) { return std::string(schema::AsText(bytes)); }

// In v2 the key is text: PEM, or the base64 of PEM or DER that clients of v1 are used to send.
std::string KeyFromText(std::string text) {
  if (text.starts_with("-----BEGIN ")) return text;
  auto decoded = schema::DecodeBase64Lenient(text);
  return decoded ? AsString(*decoded) : std::move(text);
}

Json Chains(const std::vector<std::string>& chain, const char* ending) {
  Json out = Json::array();
  for (const std::string& pem : chain) out.push_back(pem + ending);
  return out;
}

std::string Joined(const std::vector<std::string>& chain, std::string_view separator) {
  std::string out;
  for (const std::string& pem : chain) {
    if (!out.empty()) out.append(separator);
    out.append(pem);
  }
  return out;
}

std::size_t SizeOf(const std::vector<std::string>& texts) {
  std::size_t size = 0;
  for (const std::string& text : texts) size += text.size();
  return size;
}

}  // namespace

const schema::ErrorKind kBadRequest = {"request-malformed", schema::Fault::kCaller,
                                       "The request body could not be read: send the JSON message "
                                       "of Fulcio's signingCert, each name once"};

Result<SigningRequest> ParseSigningRequestV2(std::string_view body) {
  TRY(const Json json, Body(body));
  SigningRequest out;
  TRY(const Json* credentials, Object(json, "credentials", "credentials"));
  if (credentials != nullptr) {
    TRY(out.token, Text(*credentials, "oidcIdentityToken", "oidc_identity_token"));
  }
  TRY(const Json* key_request, Object(json, "publicKeyRequest", "public_key_request"));
  TRY(const Json* csr, Member(json, "certificateSigningRequest", "certificate_signing_request"));
  if (key_request != nullptr && csr != nullptr) {
    return Error{&kBadRequest, "both publicKeyRequest and certificateSigningRequest"};
  }
  if (csr != nullptr) {
    TRY(const schema::Bytes pem,
        Octets(json, "certificateSigningRequest", "certificate_signing_request"));
    out.key.csr = AsString(pem);
    return out;
  }
  if (key_request == nullptr) return out;
  TRY(const Json* key, Object(*key_request, "publicKey", "public_key"));
  if (key != nullptr) {
    TRY(std::string content, Text(*key, "content", "content"));
    out.key.public_key = KeyFromText(std::move(content));
  }
  TRY(out.key.proof, Octets(*key_request, "proofOfPossession", "proof_of_possession"));
  return out;
}

Result<SigningRequest> ParseSigningRequestV1(std::string_view body) {
  TRY(const Json json, Body(body));
  SigningRequest out;
  TRY(const schema::Bytes csr,
      Octets(json, "certificateSigningRequest", "certificate_signing_request"));
  out.key.csr = AsString(csr);
  TRY(const Json* key, Object(json, "publicKey", "public_key"));
  if (key != nullptr) {
    TRY(const schema::Bytes content, Octets(*key, "content", "content"));
    out.key.public_key = AsString(content);
  }
  TRY(out.key.proof, Octets(json, "signedEmailAddress", "signed_email_address"));
  return out;
}

std::string PickToken(const SigningRequest& request, std::string_view authorization) {
  if (!request.token.empty()) return request.token;
  constexpr std::string_view kBearer = "Bearer ";
  std::string token(authorization);
  if (const auto at = token.find(kBearer); at != std::string::npos) token.erase(at, kBearer.size());
  return token;
}

std::string SigningAnswerV2(const std::vector<std::string>& chain) {
  // Written by hand: PEM needs no other escape than that of its newlines, and a JSON tree costs
  // more than the rest of the answer.
  std::string out;
  out.reserve(SizeOf(chain) * 17 / 16 + 128);  // a newline in 65 becomes two characters
  out += R"({"signedCertificateEmbeddedSct":{"chain":{"certificates":[)";
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0) out += ',';
    out += '"';
    std::string_view rest = chain[i];
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
      out.append(rest.substr(0, end)).append("\\n");
      rest.remove_prefix(end + 1);
    }
    out.append(rest).append("\"");
  }
  return out.append("]}}}");
}

std::string SigningAnswerV1(const std::vector<std::string>& chain) { return Joined(chain, "\n"); }

std::string TrustBundleAnswer(const std::vector<std::vector<std::string>>& chains) {
  Json all = Json::array();
  for (const auto& chain : chains) all.push_back({{"certificates", Chains(chain, "\n")}});
  return Json{{"chains", std::move(all)}}.dump();
}

std::string RootCertAnswer(const std::vector<std::string>& certificates) {
  return Joined(certificates, "\n\n");
}

std::string ConfigurationAnswer(const std::vector<oidc::IssuerInfo>& issuers) {
  Json list = Json::array();
  for (const oidc::IssuerInfo& issuer : issuers) {
    list.push_back({
        {issuer.wildcard ? "wildcardIssuerUrl" : "issuerUrl", issuer.url},
        {"audience", issuer.audience},
        {"challengeClaim", issuer.challenge_claim},
        {"spiffeTrustDomain", issuer.spiffe_trust_domain},
        {"issuerType", issuer.type},
        {"subjectDomain", issuer.subject_domain},
        {"skipEmailVerification", issuer.skip_email_verification},
    });
  }
  return Json{{"issuers", std::move(list)}}.dump();
}

}  // namespace http
