// Paths and methods to functions, with what HTTP asks of every path: HEAD, OPTIONS, 404, 405, CORS.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "http/message.h"
#include "schema/base/result.h"

namespace http {

extern const schema::ErrorKind kNoSuchPath;     // kNotFound
extern const schema::ErrorKind kMethodNotHere;  // kMethod
extern const schema::ErrorKind kDefect;         // kUs: a route threw

class Router {
 public:
  // Called on the thread of the connection; blocks that thread and the connections pinned to it.
  using Route = std::function<Response(const Request&)>;

  // Exactly `path`. A GET route also answers HEAD.
  void Add(const std::string& method, const std::string& path, Route route);
  // Every path that begins with `prefix`, which ends with '/', and goes on; an exact path or a
  // longer prefix wins.
  void AddBelow(const std::string& method, const std::string& prefix, Route route);
  // Any web page may call and read: for an endpoint that trusts nothing but what a request carries.
  void AllowEveryOrigin() { every_origin_ = true; }

  // Always an answer. A route's exception becomes kDefect and is described in `defect`, for the
  // operator.
  Response Answer(const Request& request, std::string* defect) const;
  // The answer to bytes that were no request.
  Response Refuse(const schema::Error& error, const std::string& request_id) const;

 private:
  using Methods = std::map<std::string, Route>;

  const Methods* Lookup(const std::string& path) const;
  Response Dispatch(const Request& request, std::string* defect) const;
  Response Options(const Request& request, const std::string& allow) const;
  void Share(Response* response) const;

  std::map<std::string, Methods> exact_;
  std::map<std::string, Methods> below_;
  bool every_origin_ = false;
};

}  // namespace http
