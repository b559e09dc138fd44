#include "http/router.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using http::Request;
using http::Response;
using http::Router;

std::string HeaderOf(const Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

Request Make(const std::string& method, const std::string& path) {
  Request request;
  request.method = method;
  request.path = path;
  request.id = "0123456789abcdef";
  return request;
}

Router::Route Say(const std::string& text) {
  return [text](const Request&) { return Response{200, "text/plain", text, {}}; };
}

Router Sample() {
  Router router;
  router.Add("GET", "/", Say("root"));
  router.Add("GET", "/a", Say("a"));
  router.Add("POST", "/a", Say("posted"));
  router.Add("POST", "/only", Say("only"));
  router.AddBelow("GET", "/tile/", Say("tile"));
  router.AddBelow("GET", "/tile/0/", Say("zero"));
  router.Add("GET", "/tile/0/exact", Say("exact"));
  router.Add("GET", "/throw",
             [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
  return router;
}

Response Answer(const Router& router, const Request& request) {
  std::string defect;
  return router.Answer(request, &defect);
}

}  // namespace

TEST_CASE("paths and methods") {
  struct Row {
    const char* method;
    const char* path;
    int status;
    const char* body;  // of a 200
    const char* allow;
  };
  const std::vector<Row> rows = {
      {"GET", "/", 200, "root", ""},
      {"GET", "/a", 200, "a", ""},
      {"HEAD", "/a", 200, "a", ""},  // the connection leaves the body out
      {"POST", "/a", 200, "posted", ""},
      {"PUT", "/a", 405, "", "GET, POST, HEAD, OPTIONS"},
      {"HEAD", "/only", 405, "", "POST, OPTIONS"},
      {"get", "/a", 405, "", "GET, POST, HEAD, OPTIONS"},
      {"GET", "/a/", 404, "", ""},
      {"GET", "/A", 404, "", ""},
      {"GET", "//a", 404, "", ""},
      {"GET", "/b/../a", 404, "", ""},
      {"GET", "/tile", 404, "", ""},
      {"GET", "/tile/", 404, "", ""},
      {"GET", "/tile/x", 200, "tile", ""},
      {"GET", "/tile/x/y", 200, "tile", ""},
      {"GET", "/tile/0/x001/002", 200, "zero", ""},
      {"GET", "/tile/0/exact", 200, "exact", ""},
      {"DELETE", "/tile/0/x", 405, "", "GET, HEAD, OPTIONS"},
      {"GET", "*", 204, "", "GET, POST, HEAD, OPTIONS"},
      {"OPTIONS", "*", 204, "", "GET, POST, HEAD, OPTIONS"},
      {"OPTIONS", "/only", 204, "", "POST, OPTIONS"},
      {"OPTIONS", "/none", 404, "", ""},
  };
  const Router router = Sample();
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.path);
    const Response response = Answer(router, Make(row.method, row.path));
    CHECK(response.status == row.status);
    if (row.status == 200) CHECK(response.body == row.body);
    CHECK(HeaderOf(response, "Allow") == row.allow);
    CHECK(HeaderOf(response, "Access-Control-Allow-Origin") == "");
  }
}

TEST_CASE("what a route throws is for the operator") {
  std::string defect;
  const Response response = Sample().Answer(Make("GET", "/throw"), &defect);
  CHECK(response.status == 500);
  CHECK(response.body.find("secret") == std::string::npos);
  CHECK(response.body.find("\"code\":13") != std::string::npos);
  CHECK(defect == "secret detail");
}

TEST_CASE("every origin") {
  Router router = Sample();
  router.AllowEveryOrigin();
  Request preflight = Make("OPTIONS", "/a");
  preflight.headers = {{"origin", "https://x"}, {"access-control-request-method", "POST"}};
  const Response allowed = Answer(router, preflight);
  CHECK(allowed.status == 204);
  CHECK(HeaderOf(allowed, "Access-Control-Allow-Origin") == "*");
  CHECK(HeaderOf(allowed, "Access-Control-Allow-Methods") == "GET, POST, HEAD, OPTIONS");
  CHECK(HeaderOf(allowed, "Access-Control-Allow-Headers") ==
        "accept, content-type, x-requested-with, authorization");
  for (const char* path : {"/a", "/none", "/throw"}) {
    CAPTURE(path);
    CHECK(HeaderOf(Answer(router, Make("GET", path)), "Access-Control-Allow-Origin") == "*");
  }
  const Response refused = router.Refuse(schema::Error{&http::kNoSuchPath, "secret"}, "id");
  CHECK(HeaderOf(refused, "Access-Control-Allow-Origin") == "*");
  CHECK(refused.body.find("secret") == std::string::npos);
}
