#include "http/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

const hsm::CustodyState kCustody{{}, {}, true, true, "", 7, 2};
const ca::LogState kLog{true, "", 5, 9, 4, 0.5, 1, 0, 6};

std::string Render(http::Metrics& metrics, const std::vector<oidc::IssuerHealth>& issuers = {}) {
  return metrics.Render(kCustody, kLog, issuers, {});
}

bool Has(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

std::size_t CountOf(const std::string& text, std::string_view start) {
  std::size_t found = 0;
  for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    found += at == 0 || text[at - 1] == '\n' ? 1 : 0;
  }
  return found;
}

}  // namespace

TEST_CASE("Fulcio's series have Fulcio's names and labels") {
  http::Metrics metrics;
  metrics.CountRequest("POST", 201, 0.003);
  metrics.CountIssuance("granted");
  metrics.CountIssuance("retry");
  const std::string text = Render(metrics);
  CHECK(Has(text, "fulcio_new_certs 1"));
  CHECK(Has(text, "http_requests_total{code=\"201\",method=\"post\"} 1"));
  CHECK(Has(text, "fulcio_api_latency_count{code=\"201\",method=\"post\"} 1"));
  CHECK(Has(text, "# TYPE fulcio_api_latency histogram"));
  CHECK(Has(text, "chancery_issuance_total{result=\"retry\"} 1"));
}

TEST_CASE("states of the parts are mirrored, counters never go back") {
  http::Metrics metrics;
  std::string text = Render(metrics);
  for (const char* line :
       {"chancery_hsm_operations_total 7", "chancery_hsm_recoveries_total 2",
        "chancery_log_commits_total 6", "chancery_log_tree_size{log=\"certificates\"} 5",
        "chancery_log_tree_size{log=\"events\"} 9", "chancery_log_tree_size{log=\"published\"} 4",
        "chancery_precertificates_waiting 1", "chancery_ready 1",
        "chancery_hsm_up{role=\"issuing\"} 1"}) {
    CAPTURE(line);
    CHECK(Has(text, line));
  }
  const hsm::CustodyState down{{}, {}, false, true, "no signer is up", 3, 2};
  text = metrics.Render(down, kLog, {}, {});
  CHECK(Has(text, "chancery_hsm_operations_total 7"));
  CHECK(Has(text, "chancery_hsm_up{role=\"issuing\"} 0"));
  CHECK(Has(text, "chancery_ready 0"));
}

TEST_CASE("signatures are counted by purpose, and an excess is a gauge that is there before it") {
  http::Metrics metrics;
  hsm::CustodyState custody = kCustody;
  custody.signatures[1] = {hsm::Purpose::kCertificate, 9, 0, 5, 4, 0};
  ca::LogState log = kLog;
  log.entered = 5;
  std::string text = metrics.Render(custody, log, {}, {});
  for (const char* line : {"chancery_signatures_total{purpose=\"certificate\"} 5",
                           "chancery_signatures_lost_total{purpose=\"certificate\"} 4",
                           "chancery_signature_excess{purpose=\"certificate\"} 0"}) {
    CAPTURE(line);
    CHECK(Has(text, line));
  }
  custody.signatures[1].made = 7;
  text = metrics.Render(custody, log, {}, {});
  CHECK(Has(text, "chancery_signature_excess{purpose=\"certificate\"} 2"));
}

TEST_CASE("each token has its series") {
  http::Metrics metrics;
  hsm::CustodyState custody = kCustody;
  hsm::TokenState state;
  state.standing = hsm::TokenStanding::kDrained;
  state.sessions = 2;
  state.signers = 1;
  state.outstanding = 3;
  state.failures = 4;
  custody.tokens = {{"issuing", "left", state, 9}};
  const std::string text = metrics.Render(custody, kLog, {}, {});
  for (const char* line :
       {"chancery_hsm_token_operations_total{role=\"issuing\",token=\"left\"} 9",
        "chancery_hsm_token_failures_total{role=\"issuing\",token=\"left\"} 4",
        "chancery_hsm_token_outstanding{role=\"issuing\",token=\"left\"} 3",
        "chancery_hsm_token_sessions{are=\"configured\",role=\"issuing\",token=\"left\"} 2",
        "chancery_hsm_token_sessions{are=\"up\",role=\"issuing\",token=\"left\"} 1",
        "chancery_hsm_token_state{role=\"issuing\",state=\"drained\",token=\"left\"} 1",
        "chancery_hsm_token_state{role=\"issuing\",state=\"serving\",token=\"left\"} 0"}) {
    CAPTURE(line);
    CHECK(Has(text, line));
  }

  // The signers of a retired CA are sent away: what they did stays, what they are does not.
  custody.tokens[0].role = "issuing:2027";
  const std::string after = metrics.Render(custody, kLog, {}, {});
  CHECK_EQ(CountOf(after, "chancery_hsm_token_state{"), 4);
  CHECK_EQ(CountOf(after, "chancery_hsm_token_sessions{"), 2);
  CHECK_EQ(CountOf(after, "chancery_hsm_token_outstanding{role=\"issuing:2027\""), 1);
  CHECK_EQ(CountOf(after, "chancery_hsm_token_operations_total{"), 2);
}

TEST_CASE("a file that was refused is a 0 and a count") {
  http::Metrics metrics;
  http::FileState state{"policy", "/p", "aa", schema::TimeMs(std::chrono::milliseconds(1500)),
                        "",       0};
  std::string text = metrics.Render(kCustody, kLog, {}, {state});
  CHECK(Has(text, "chancery_config_last_reload_successful{file=\"policy\"} 1"));
  CHECK(Has(text, "chancery_config_loaded_timestamp_seconds{file=\"policy\"} 1.5"));
  CHECK(Has(text, "chancery_config_reload_failures_total{file=\"policy\"} 0"));
  state.refused = "broken";
  state.failures = 2;
  text = metrics.Render(kCustody, kLog, {}, {state});
  CHECK(Has(text, "chancery_config_last_reload_successful{file=\"policy\"} 0"));
  CHECK(Has(text, "chancery_config_reload_failures_total{file=\"policy\"} 2"));
}

TEST_CASE("what was refused and what was new are counted, by kind and never by name") {
  http::Metrics metrics;
  metrics.CountRateLimited();
  ca::LogState log = kLog;
  log.replays = 3;
  log.budget_refusals = 4;
  log.budgets_reached = 9;
  log.first_seen = {5, 6, 7, 8};
  const std::string text = metrics.Render(kCustody, log, {}, {});
  for (const char* line : {"chancery_rate_limited_total 1", "chancery_jti_replays_total 3",
                           "chancery_budget_refusals_total 4", "chancery_budgets_reached_total 9",
                           "chancery_first_seen_total{kind=\"repository\"} 5",
                           "chancery_first_seen_total{kind=\"workflow\"} 6",
                           "chancery_first_seen_total{kind=\"runner-environment\"} 7",
                           "chancery_first_seen_total{kind=\"key-type\"} 8"}) {
    CAPTURE(line);
    CHECK(Has(text, line));
  }
  // Series that alerts are written on are there before anything happened.
  http::Metrics fresh;
  CHECK(Has(Render(fresh), "chancery_rate_limited_total 0"));
  CHECK(Has(Render(fresh), "chancery_jti_replays_total 0"));
}

TEST_CASE("methods that strangers invent make one series") {
  http::Metrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.CountRequest("M" + std::to_string(i), 405, 0.001);
  metrics.CountRequest("get", 405, 0.001);  // methods are case-sensitive: this one is invented too
  const std::string text = Render(metrics);
  CHECK_EQ(CountOf(text, "http_requests_total{"), 1);
  CHECK(Has(text, "http_requests_total{code=\"405\",method=\"other\"} 1001"));
}

TEST_CASE("an issuer that is forgotten takes its series along") {
  http::Metrics metrics;
  for (int i = 0; i < 100; ++i) {
    const std::string url = "https://oidc.example/org/" + std::to_string(i);
    const std::string text =
        Render(metrics, {{"https://ci.example", true, 12.5, ""}, {url, false, 0, "status 404"}});
    CHECK_EQ(CountOf(text, "chancery_jwks_age_seconds{"), 2);
    CHECK(Has(text, "chancery_jwks_age_seconds{issuer=\"https://ci.example\"} 12.5"));
    CHECK(Has(text, "chancery_jwks_age_seconds{issuer=\"" + url + "\"} -1"));
  }
}
