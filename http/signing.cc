#include "http/signing.h"

#include <chrono>
#include <optional>

#include "http/problem.h"
#include "http/wire.h"

namespace http {

const schema::ErrorKind kRateLimited{
    "rate-limited", schema::Fault::kTooMany,
    "too many requests from this address; wait as long as Retry-After says and try again"};

namespace {

using schema::Error;
using schema::Result;

struct Api {
  int success;  // clients test for exactly this status
  const char* content_type;
  Result<SigningRequest> (*parse)(std::string_view);
  std::string (*answer)(const std::vector<std::string>&);
};

constexpr Api kV2 = {200, "application/json", ParseSigningRequestV2, SigningAnswerV2};
constexpr Api kV1 = {201, "application/pem-certificate-chain", ParseSigningRequestV1,
                     SigningAnswerV1};

// Issuers that change twice while one request is decided are being edited: come back.
constexpr int kVerifyAgain = 2;

// What is said of a request besides its outcome.
struct Aside {
  std::string_view step;  // of the token's verification: where it failed, if the client may know
  ca::DecisionNotes decision;
};

Result<ca::Issued> Issue(const Services& services, const Api& api, const Request& request,
                         Aside& aside) {
  TRY(const SigningRequest wanted, api.parse(request.body));
  const std::string* authorization = request.Find("authorization");
  const std::string token = PickToken(wanted, authorization == nullptr ? "" : *authorization);
  for (int again = 0;; ++again) {
    auto identity = services.verifier.Verify(token, &aside.step);
    if (!identity) {
      services.authority.CountTokenRefusal(identity.error());
      return std::move(identity).error();
    }
    auto issued = services.authority.Issue(
        *identity, wanted.key,
        {request.id, request.client_address, services.verifier.VerboseDenials(identity->issuer)},
        &aside.decision);
    if (issued || !issued.error().Is(ca::kIssuersMoved) || again == kVerifyAgain) return issued;
    services.verifier.WaitForReload();
  }
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : ",").append(word);
  return out;
}

// A rule on trial is watched by somebody who wants to know what it would do.
void ReportTrial(const Services& services, const Request& request,
                 const ca::DecisionNotes& decision) {
  if (decision.would_deny.empty() && decision.would_allow.empty()) return;
  services.journal.Info("audit-rules-matched", {{"request_id", request.id},
                                                {"would_deny", Joined(decision.would_deny)},
                                                {"would_allow", Joined(decision.would_allow)}});
}

void Report(const Services& services, const Request& request, const Result<ca::Issued>& issued) {
  if (issued) {
    const std::string_view result = issued->retry ? "retry" : "granted";
    services.metrics.CountIssuance(result);
    services.journal.Info("issued", {{"request_id", request.id},
                                     {"client_address", request.client_address},
                                     {"result", std::string(result)},
                                     {"leaf_index", std::to_string(issued->index)}});
    return;
  }
  const Error& error = issued.error();
  services.metrics.CountIssuance(error.kind->id);
  const bool ours =
      error.kind->fault == schema::Fault::kBusy || error.kind->fault == schema::Fault::kUs;
  services.journal.Write(ours ? schema::Journal::Level::kError : schema::Journal::Level::kWarning,
                         "refused",
                         {{"request_id", request.id},
                          {"client_address", request.client_address},
                          {"reason", std::string(error.kind->id)},
                          {"detail", error.detail}});
}

Response Refusal(const Error& error, const Request& request, const Aside& aside) {
  using schema::Fault;
  if (error.kind->fault == Fault::kPolicy && !aside.decision.trace.is_null()) {
    return VerboseProblem(error, request.id, aside.decision.trace);
  }
  if (error.kind->fault == Fault::kToken && !aside.step.empty()) {
    return VerboseTokenProblem(error, request.id, aside.step);
  }
  return Problem(error, request.id);
}

Response Sign(const Services& services, const Api& api, const Request& request) {
  if (auto limited = Limited(services, request)) return *std::move(limited);
  Aside aside;
  const Result<ca::Issued> issued = Issue(services, api, request, aside);
  ReportTrial(services, request, aside.decision);
  Report(services, request, issued);
  if (!issued) return Refusal(issued.error(), request, aside);
  std::vector<std::string> chain = {ca::Pem("CERTIFICATE", issued->certificate.view())};
  const std::vector<std::string>& above = issued->issuer->chain.pem;
  chain.insert(chain.end(), above.begin(), above.end());
  return Response{api.success, api.content_type, api.answer(chain), {}};
}

}  // namespace

// Counted, not written down one by one: it is a flood.
std::optional<Response> Limited(const Services& services, const Request& request) {
  const auto wait = services.address_limit.Take(request.client_address, schema::Steady::now());
  if (wait == std::chrono::nanoseconds(0)) return std::nullopt;
  services.metrics.CountRateLimited();
  services.log.Tally(kRateLimited.id, "");
  Response response = Problem(Error{&kRateLimited, ""}, request.id);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

void AddSigningRoutes(const Services& services, Router& router) {
  router.Add("POST", "/api/v2/signingCert",
             [&services](const Request& request) { return Sign(services, kV2, request); });
  router.Add("POST", "/api/v1/signingCert",
             [&services](const Request& request) { return Sign(services, kV1, request); });
}

}  // namespace http
