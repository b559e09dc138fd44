#include "http/tuf_routes.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "http/problem.h"
#include "schema/base/file.h"

namespace http {

namespace {

constexpr std::string_view kFolder = "/tuf/", kTargets = "targets/";

// A file's own name: no folder, and nothing hidden.
bool IsName(std::string_view name) {
  constexpr std::size_t kMax = 200;
  return !name.empty() && name.size() <= kMax && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-' || c == '_';
         });
}

// What never changes once it is there has a version or a digest in front.
bool IsForEver(std::string_view name, bool target) {
  return target || (name.front() >= '0' && name.front() <= '9');
}

Response Answer(const Services& services, const Request& request) {
  std::string_view name(request.path);
  name.remove_prefix(kFolder.size());
  const bool target = name.starts_with(kTargets);
  if (target) name.remove_prefix(kTargets.size());
  const std::filesystem::path& directory = services.config.tuf;
  if (directory.empty() || !IsName(name)) {
    return Problem(schema::Error{&kNoSuchPath, ""}, request.id);
  }
  const auto text = schema::ReadFile((target ? directory / kTargets : directory) / name);
  if (!text) return Problem(schema::Error{&kNoSuchPath, text.error().detail}, request.id);
  const char* const kept =
      IsForEver(name, target) ? "public, max-age=604800, immutable" : "no-cache";
  return Response{200, "application/json", *text, {{"Cache-Control", kept}}};
}

}  // namespace

void AddTufRoutes(const Services& services, Router& router) {
  router.AddBelow("GET", "/tuf/",
                  [&services](const Request& request) { return Answer(services, request); });
}

}  // namespace http
