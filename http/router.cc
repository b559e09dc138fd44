#include "http/router.h"

#include <exception>

#include "http/problem.h"

namespace http {

using schema::Error;
using schema::ErrorKind;
using schema::Fault;

const ErrorKind kNoSuchPath{"no-such-path", Fault::kNotFound, "there is nothing at this path"};
const ErrorKind kMethodNotHere{
    "method-not-here", Fault::kMethod,
    "this path does not know the method; the Allow header names those it knows"};
const ErrorKind kDefect{"defect", Fault::kUs,
                        "the server made a mistake; tell its operator the request number"};

namespace {

constexpr const char* kMethods = "GET, POST, HEAD, OPTIONS";

std::string AllowOf(const std::map<std::string, Router::Route>& methods) {
  std::string allow;
  for (const auto& [method, route] : methods) allow.append(method).append(", ");
  if (methods.contains("GET")) allow.append("HEAD, ");
  return allow.append("OPTIONS");
}

}  // namespace

void Router::Add(const std::string& method, const std::string& path, Route route) {
  MUST(exact_[path].emplace(method, std::move(route)).second);
}

void Router::AddBelow(const std::string& method, const std::string& prefix, Route route) {
  MUST(prefix.ends_with('/'));
  MUST(below_[prefix].emplace(method, std::move(route)).second);
}

const Router::Methods* Router::Lookup(const std::string& path) const {
  if (const auto exact = exact_.find(path); exact != exact_.end()) return &exact->second;
  // Only the slashes of the path can end a prefix; longest first.
  for (std::size_t end = path.rfind('/'); end != std::string::npos;
       end = path.rfind('/', end - 1)) {
    if (end + 1 < path.size()) {
      const auto below = below_.find(path.substr(0, end + 1));
      if (below != below_.end()) return &below->second;
    }
    if (end == 0) break;
  }
  return nullptr;
}

Response Router::Answer(const Request& request, std::string* defect) const {
  Response response = Dispatch(request, defect);
  Share(&response);
  return response;
}

Response Router::Refuse(const Error& error, const std::string& request_id) const {
  Response response = Problem(error, request_id);
  Share(&response);
  return response;
}

Response Router::Dispatch(const Request& request, std::string* defect) const {
  if (request.path == "*") return Options(request, kMethods);
  const Methods* methods = Lookup(request.path);
  if (methods == nullptr) return Problem(Error{&kNoSuchPath, ""}, request.id);
  const std::string allow = AllowOf(*methods);
  if (request.method == "OPTIONS") return Options(request, allow);
  const auto found = methods->find(request.method == "HEAD" ? "GET" : request.method);
  if (found == methods->end()) {
    Response response = Problem(Error{&kMethodNotHere, ""}, request.id);
    response.headers.emplace_back("Allow", allow);
    return response;
  }
  try {
    return found->second(request);
  } catch (const std::exception& exception) {
    *defect = exception.what();
    return Problem(Error{&kDefect, ""}, request.id);
  }
}

// RFC 9110 9.3.7; with Access-Control-Request-Method it is a preflight (Fetch 3.2.2).
Response Router::Options(const Request& request, const std::string& allow) const {
  Response response{204, "", "", {{"Allow", allow}}};
  if (every_origin_ && request.Find("access-control-request-method") != nullptr) {
    response.headers.emplace_back("Access-Control-Allow-Methods", kMethods);
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "accept, content-type, x-requested-with, authorization");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

void Router::Share(Response* response) const {
  if (!every_origin_) return;
  response->headers.emplace_back("Access-Control-Allow-Origin", "*");
  response->headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
}

}  // namespace http
