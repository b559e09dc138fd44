// A template, a line break, then claims as JSON. Whatever the template: a token cannot replace the
// operator's constant, what Render looks up is among Keys, and the result keeps to its limit.
#include <cstdint>
#include <string_view>

#include "oidc/template.h"
#include "oidc/verifier.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"

namespace {

using schema::Json;

const oidc::Constants kConstants = {{"url", "https://ci.example"}, {"note", ""}};

// Only the claims that the template says it looks up.
Json Wanted(const Json& claims, const oidc::Template& compiled) {
  Json out = Json::object();
  for (const std::string& key : compiled.Keys()) {
    if (claims.contains(key)) out[key] = claims[key];
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const auto compiled = oidc::Template::Compile("fuzz", input.substr(0, line), kConstants);
  if (!compiled) {
    MUST(compiled.error().Is(oidc::kBadTemplate));
    return 0;
  }
  auto claims = schema::ParseJson(line == std::string_view::npos ? "{}" : input.substr(line + 1),
                                  {.bytes = schema::limits::kTokenBytes});
  if (!claims || !claims->is_object()) return 0;
  const auto got = compiled->Render(*claims);
  (*claims)["url"] = "https://evil.example";
  const auto overridden = compiled->Render(*claims);
  const auto restricted = compiled->Render(Wanted(*claims, *compiled));
  MUST(got.has_value() == overridden.has_value());
  MUST(got.has_value() == restricted.has_value());
  if (!got) {
    MUST(got.error().Is(oidc::kClaims));
    return 0;
  }
  MUST(*got == *overridden && *got == *restricted);
  MUST(got->size() <= schema::limits::kClaimTextBytes);
  return 0;
}
