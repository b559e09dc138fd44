#include "http/witness_routes.h"

#include <set>

namespace http {
namespace {

using ca::Witness;

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kSize = "text/x.tlog.size";

Response Added(Witness::Answer answer) {
  switch (answer.verdict) {
    case Witness::Verdict::kCosigned:
      return {200, kText, std::move(answer.body), {}};
    case Witness::Verdict::kMalformed:
      return {400, kText, std::move(answer.body), {}};
    case Witness::Verdict::kUntrusted:
      return {403, kText, std::move(answer.body), {}};
    case Witness::Verdict::kUnknownLog:
      return {404, kText, std::move(answer.body), {}};
    case Witness::Verdict::kStale:
      return {409, kSize, std::move(answer.body), {}};
    case Witness::Verdict::kInconsistent:
      return {422, kText, std::move(answer.body), {}};
    case Witness::Verdict::kUnavailable:
      return {503, kText, std::move(answer.body), {{"Retry-After", "1"}}};
  }
  MUST(false);
}

Response Latest(const Witness& witness, const std::string& origin_path) {
  auto note = witness.Latest(origin_path);
  if (!note) return {404, kText, "no checkpoint yet\n", {}};
  return {200, kText, *std::move(note), {{"Cache-Control", "no-store"}}};
}

}  // namespace

void AddWitnessRoutes(Witness& witness, const std::vector<schema::VerifierKey>& logs,
                      Router& router) {
  router.Add("POST", "/add-checkpoint", [&witness](const Request& request) {
    return Added(witness.AddCheckpoint(request.body));
  });
  std::set<std::string> origins;  // a log may have several keys
  for (const schema::VerifierKey& key : logs) origins.insert(schema::OriginPath(key.name));
  for (const std::string& origin : origins) {
    router.Add("GET", "/" + origin + "/checkpoint",
               [&witness, origin](const Request&) { return Latest(witness, origin); });
  }
  router.Add("GET", "/healthz", [](const Request&) {
    return Response{200, "application/json", "{\"status\":\"SERVING\"}\n", {}};
  });
}

}  // namespace http
