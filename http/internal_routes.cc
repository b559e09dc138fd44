#include "http/internal_routes.h"

#include "ca/log/listing.h"
#include "ca/tuf/repository.h"
#include "http/excess.h"
#include "http/problem.h"
#include "http/query.h"
#include "schema/base/json.h"

namespace http {
namespace {

using schema::Json;

Json TokenJson(const hsm::CustodyState::Token& token) {
  const hsm::TokenState& state = token.state;
  return {{"role", token.role},
          {"name", token.name},
          {"state", hsm::StandingName(state.standing)},
          {"sessions", {{"up", state.signers}, {"configured", state.sessions}}},
          {"outstanding", state.outstanding},
          {"why", state.reason}};
}

std::optional<std::string> ClockTrouble(const Services& services) {
  return services.clock == nullptr ? std::nullopt : services.clock->Trouble();
}

std::vector<std::string> TufAlarms(const Services& services) {
  if (services.config.tuf.empty()) return {};
  const schema::Time now = schema::ToSeconds(schema::SystemClock().Now());
  return ca::tuf::Repository(services.config.tuf).Alarms(now);
}

Response Ready(const Services& services) {
  const hsm::CustodyState custody = services.custody.State();
  const ca::LogState log = services.log.State();
  Json reasons = Json::array();
  if (!custody.issuing_ready || !custody.log_ready) reasons.push_back("hsm: " + custody.reason);
  if (!log.ready) reasons.push_back("log: " + log.reason);
  if (const auto trouble = ClockTrouble(services)) reasons.push_back("clock: " + *trouble);
  const bool ready = reasons.empty();
  // A dead issuer refuses only its own tokens: it is shown, and does not take the whole server out
  // of service.
  Json issuers = Json::array();
  for (const oidc::IssuerHealth& issuer : services.verifier.Health()) {
    issuers.push_back(
        {{"issuer", issuer.url}, {"keys", issuer.has_keys}, {"last_error", issuer.last_error}});
  }
  Json signers = Json::array();
  for (const auto& signer : custody.signers) {
    signers.push_back({{"role", signer.role}, {"up", signer.pid != 0}, {"run", signer.run}});
  }
  Json tokens = Json::array();
  for (const auto& token : custody.tokens) tokens.push_back(TokenJson(token));
  // A file that was refused takes nobody out of service either: the old one decides.
  Json files = Json::object(), warnings = Json::array();
  for (const FileState& file : services.reloader.States()) {
    files[file.name] = file.Describe();
    if (!file.refused.empty()) warnings.push_back(file.name + " " + file.Describe());
  }
  for (const Excess& excess : FindExcess(custody, log)) {
    warnings.push_back("signatures: " + excess.Text());
  }
  // Certificates are issued while checkpoints are held back.
  if (!log.withheld.empty()) warnings.push_back("checkpoint: " + log.withheld);
  for (const ca::WitnessState& witness : log.witnesses) {
    for (std::size_t i = 0; i < witness.logs.size(); ++i) {
      if (witness.logs[i].trouble.empty()) continue;
      warnings.push_back("witness " + witness.name + ", " + (i == 0 ? "certificates" : "events") +
                         ": " + witness.logs[i].trouble);
    }
  }
  for (const ca::ShipState& place : log.shipping) {
    if (!place.trouble.empty()) warnings.push_back("ship " + place.to + ": " + place.trouble);
  }
  // Certificates are issued while no stamp can be made.
  std::optional<std::string> untimely;
  if (services.stamping != nullptr) untimely = services.stamping->Trouble();
  if (untimely) warnings.push_back("timestamps: " + *untimely);
  for (const std::string& alarm : TufAlarms(services)) warnings.push_back("tuf: " + alarm);
  Json body = {{"ready", ready},
               {"reasons", std::move(reasons)},
               {"warnings", std::move(warnings)},
               {"files", std::move(files)},
               {"issuers", std::move(issuers)},
               {"signers", std::move(signers)},
               {"tokens", std::move(tokens)},
               {"certificates", log.certificates_size},
               {"events", log.events_size},
               {"policy_digest", services.authority.policy()->digest()}};
  if (services.stamping != nullptr) {
    body["timestamps"] = {{"up", !untimely}, {"made", services.stamping->made()}};
  }
  return Response{ready ? 200 : 503, "application/json", body.dump(2) + "\n", {}};
}

Response Search(const Services& services, const Request& request) {
  const auto query = Query::Parse(request.query);
  if (!query) return Problem(query.error(), request.id);
  ca::Search search;
  search.san = query->Text("san");
  search.issuer = query->Text("issuer");
  search.subject = query->Text("subject");
  search.serial = query->Text("serial");
  search.request_id = query->Text("request_id");
  if (query->Has("count")) {
    const auto count = query->Number("count");
    if (!count) return Problem(count.error(), request.id);
    search.count_max = std::min<std::uint64_t>(*count, 1000);
  }
  if (query->Has("before")) {
    const auto before = query->Number("before");
    if (!before) return Problem(before.error(), request.id);
    search.before = *before;
  }
  const ca::Reader* reader = &services.log.reader();
  if (query->Has("shard")) {
    const std::string shard(query->Text("shard"));
    const auto& shards = services.log.shards();
    const auto found = std::ranges::find_if(shards, [&shard](const ca::ServedShard& one) {
      return one.log == ca::LogName::kCertificates && one.name == shard;
    });
    if (found == shards.end()) {
      return Problem(schema::Error{&ca::kBadRange, "no shard " + shard}, request.id);
    }
    reader = found->reader;
  }
  const auto rows = reader->Find(search);
  if (!rows) return Problem(rows.error(), request.id);
  return Response{200, "application/json", ca::RowsJson(*rows).dump() + "\n", {}};
}

}  // namespace

void AddInternalRoutes(const Services& services, Router& router) {
  router.Add("GET", "/healthz", [](const Request&) {
    return Response{200, "application/json", "{\"status\":\"SERVING\"}\n", {}};
  });
  router.Add("GET", "/readyz", [&services](const Request&) { return Ready(services); });
  router.Add("GET", "/metrics", [&services](const Request&) {
    if (services.stamping != nullptr) {
      services.metrics.ShowTimestamps(!services.stamping->Trouble());
    }
    services.metrics.ShowClock(!ClockTrouble(services));
    const hsm::CustodyState custody = services.custody.State();  // first: http/excess.h
    return Response{200,
                    "text/plain; version=0.0.4",
                    services.metrics.Render(custody, services.log.State(),
                                            services.verifier.Health(), services.reloader.States()),
                    {}};
  });
  router.Add("GET", "/api/search",
             [&services](const Request& request) { return Search(services, request); });
}

}  // namespace http
