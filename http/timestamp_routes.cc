#include "http/timestamp_routes.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "ca/tsa/status.h"
#include "http/problem.h"

namespace http {

const schema::ErrorKind kNoTimestampQuery{
    "no-timestamp-query", schema::Fault::kCaller,
    "the Content-Type is neither application/timestamp-query nor application/json"};

namespace {

using schema::Error;
using schema::Result;

constexpr const char* kReply = "application/timestamp-reply";
constexpr int kCreated = 201;  // what Sigstore's own answers, and its clients test for
constexpr int kUnsupportedMediaType = 415;

enum class Form { kDer, kJson };

// RFC 9110 8.3.1: parameters do not matter here, nor does case.
std::optional<Form> FormOf(const Request& request) {
  const std::string* header = request.Find("content-type");
  if (header == nullptr) return std::nullopt;
  std::string type = header->substr(0, header->find(';'));
  type.erase(type.find_last_not_of(" \t") + 1);
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (type == "application/timestamp-query") return Form::kDer;
  if (type == "application/json") return Form::kJson;
  return std::nullopt;
}

Result<schema::Bytes> Stamp(const Services& services, Form form, const std::string& body) {
  TRY(const ca::TimestampRequest wanted, form == Form::kJson
                                             ? ca::ParseTimestampRequestJson(body)
                                             : ca::ParseTimestampRequest(schema::AsBytes(body)));
  return services.stamping->Stamp(wanted);
}

void Report(const Services& services, const Request& request, const Error* error) {
  services.metrics.CountTimestamp(error == nullptr ? "granted" : error->kind->id);
  if (error == nullptr) return;  // entered in the events log
  const bool ours =
      error->kind->fault == schema::Fault::kBusy || error->kind->fault == schema::Fault::kUs;
  services.journal.Write(ours ? schema::Journal::Level::kError : schema::Journal::Level::kWarning,
                         "timestamp-refused",
                         {{"request_id", request.id},
                          {"client_address", request.client_address},
                          {"reason", std::string(error->kind->id)},
                          {"detail", error->detail}});
}

Response Answer(const Services& services, const Request& request) {
  if (auto limited = Limited(services, request)) return *std::move(limited);
  const auto form = FormOf(request);
  if (!form) {
    const Error error{&kNoTimestampQuery, ""};
    Report(services, request, &error);
    Response response = Problem(error, request.id);
    response.status = kUnsupportedMediaType;
    return response;
  }
  const Result<schema::Bytes> token = Stamp(services, *form, request.body);
  Report(services, request, token ? nullptr : &token.error());
  if (token) {
    return Response{kCreated, kReply, std::string(schema::AsText(ca::GrantedResponse(*token))), {}};
  }
  Response response = Problem(token.error(), request.id);
  if (*form == Form::kDer) {
    response.content_type = kReply;
    response.body = schema::AsText(ca::RejectedResponse(*token.error().kind));
  }
  return response;
}

}  // namespace

void AddTimestampRoutes(const Services& services, Router& router) {
  if (services.stamping == nullptr) return;
  router.Add("POST", "/api/v1/timestamp",
             [&services](const Request& request) { return Answer(services, request); });
  std::string chain;
  for (const std::string& pem : services.stamping->chain().pem) chain += pem + "\n";
  router.Add("GET", "/api/v1/timestamp/certchain", [chain = std::move(chain)](const Request&) {
    return Response{200, "application/pem-certificate-chain", chain, {}};
  });
}

}  // namespace http
