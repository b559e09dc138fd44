#include "http/problem.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

using schema::Error;
using schema::ErrorKind;
using schema::Fault;

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
