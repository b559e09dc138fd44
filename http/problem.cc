#include "http/problem.h"

namespace http {
namespace {

struct Codes {
  int http;
  int grpc;  // google.rpc.Code
};

Codes CodesOf(schema::Fault fault) {
  switch (fault) {
    case schema::Fault::kCaller:
      return {400, 3};
    case schema::Fault::kToken:
      return {401, 16};
    case schema::Fault::kPolicy:
      return {403, 7};
    case schema::Fault::kNotFound:
      return {404, 5};
    case schema::Fault::kMethod:
      return {405, 12};
    case schema::Fault::kTooMany:
      return {429, 8};
    case schema::Fault::kBusy:
      return {503, 14};
    case schema::Fault::kUs:
      return {500, 13};
  }
  MUST(false);
}

// Texts are ours and printable ASCII; only these two characters need an escape (RFC 8259 7).
void AppendJson(std::string_view text, std::string& out) {
  for (const char c : text) {
    MUST(static_cast<unsigned char>(c) >= 0x20);
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
}

Response Make(const schema::Error& error, std::string_view request_id, std::string_view details) {
  const Codes codes = CodesOf(error.kind->fault);
  std::string body = "{\"code\":" + std::to_string(codes.grpc) + ",\"message\":\"";
  AppendJson(error.kind->text, body);
  body.append(" [");
  AppendJson(error.kind->id, body);
  body.append("; request ");
  AppendJson(request_id, body);
  body.append("]\",\"details\":");
  body.append(details).append("}");
  Response response{codes.http, "application/json", std::move(body), {}};
  if (error.kind->fault == schema::Fault::kBusy) response.headers.emplace_back("Retry-After", "1");
  return response;
}

schema::Json ErrorInfo(const schema::Error& error, schema::Json metadata) {
  return {{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
          {"reason", std::string(error.kind->id)},
          {"domain", "chancery"},
          {"metadata", std::move(metadata)}};
}

Response MakeVerbose(const schema::Error& error, std::string_view request_id,
                     const schema::Json& details) {
  std::string text;
  schema::AppendJson(details, text);
  return Make(error, request_id, text);
}

}  // namespace

Response Problem(const schema::Error& error, std::string_view request_id) {
  return Make(error, request_id, "[]");
}

Response VerboseProblem(const schema::Error& error, std::string_view request_id,
                        const schema::Json& trace) {
  return MakeVerbose(error, request_id,
                     {ErrorInfo(error, {{"family", trace.value("family", "")},
                                        {"rule", trace.value("rule", "")},
                                        {"request_id", std::string(request_id)}}),
                      {{"@type", "type.googleapis.com/google.protobuf.Struct"}, {"value", trace}}});
}

Response VerboseTokenProblem(const schema::Error& error, std::string_view request_id,
                             std::string_view step) {
  return MakeVerbose(error, request_id,
                     schema::Json::array({ErrorInfo(
                         error, {{"step", step}, {"request_id", std::string(request_id)}})}));
}

}  // namespace http
