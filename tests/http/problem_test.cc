#include "http/problem.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

using schema::Error;
using schema::ErrorKind;
using schema::Fault;

TEST_CASE("a verbose problem is JSON whatever the token said, and its message is the same") {
  const ErrorKind kind{"policy-denied", Fault::kPolicy, "no"};
  const std::string hostile = "\"}]}\\\x01\xff</script>\n";
  const nlohmann::json trace = {
      {"family", "default-deny"}, {"rule", "default-deny"}, {"rules", {{{"found", hostile}}}}};
  const http::Response response = http::VerboseProblem(Error{&kind, "secret"}, "00ff", trace);
  CHECK(response.status == 403);
  CHECK(response.body.find("secret") == std::string::npos);
  const auto body = nlohmann::json::parse(response.body);
  CHECK(body["code"] == 7);
  CHECK(body["message"] == "no [policy-denied; request 00ff]");
  REQUIRE(body["details"].size() == 2);
  CHECK(body["details"][0]["reason"] == "policy-denied");
  CHECK(body["details"][0]["metadata"]["family"] == "default-deny");
  CHECK(body["details"][0]["metadata"]["request_id"] == "00ff");
  const auto found = body["details"][1]["value"]["rules"][0]["found"];
  CHECK(found == "\"}]}\\\x01\xef\xbf\xbd</script>\n");
}

TEST_CASE("a verbose problem of a token names the step, and nothing else") {
  const ErrorKind kind{"audience", Fault::kToken, "for another"};
  const http::Response response =
      http::VerboseTokenProblem(Error{&kind, "secret"}, "00ff", "audience");
  CHECK(response.status == 401);
  const auto body = nlohmann::json::parse(response.body);
  CHECK(body["message"] == "for another [audience; request 00ff]");
  CHECK(body["details"] == nlohmann::json::parse(R"([{
    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "audience",
    "domain": "chancery", "metadata": {"step": "audience", "request_id": "00ff"}}])"));
}

TEST_CASE("each fault has its status and code") {
  struct Row {
    Fault fault;
    int http;
    int grpc;
  };
  const std::vector<Row> rows = {
      {Fault::kCaller, 400, 3},   {Fault::kToken, 401, 16},  {Fault::kPolicy, 403, 7},
      {Fault::kNotFound, 404, 5}, {Fault::kMethod, 405, 12}, {Fault::kTooMany, 429, 8},
      {Fault::kBusy, 503, 14},    {Fault::kUs, 500, 13},
  };
  for (const Row& row : rows) {
    CAPTURE(row.http);
    const ErrorKind kind{"some-id", row.fault, "do \"this\" \\ that"};
    const http::Response response = http::Problem(Error{&kind, "secret"}, "00ff");
    CHECK(response.status == row.http);
    CHECK(response.content_type == "application/json");
    const auto body = nlohmann::json::parse(response.body);
    CHECK(body == nlohmann::json{{"code", row.grpc},
                                 {"message", "do \"this\" \\ that [some-id; request 00ff]"},
                                 {"details", nlohmann::json::array()}});
    CHECK(response.headers.size() == (row.fault == Fault::kBusy ? 1 : 0));
    if (row.fault == Fault::kBusy) CHECK(response.headers[0] == http::Header("Retry-After", "1"));
  }
}
