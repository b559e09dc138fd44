// Loads a running server with distinct signing requests, or times its start; prints one JSON
// object.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "schema/base/json.h"
#include "tests/bench/client.h"
#include "tests/bench/watch.h"
#include "tests/bench/work.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string state, address = "127.0.0.1:5555", internal = "127.0.0.1:5556", issuer, start;
  int server = 0;
  std::size_t requests = 1000, connections = 64, branches = 1;
  bench::Want want = bench::Want::kCertificate;
};

// Tokens live for five minutes, and built requests cost memory: more than this are made in parts.
constexpr std::size_t kAtOnce = 20'000;

const bench::Expected kCertificate{"HTTP/1.1 200", "-----BEGIN CERTIFICATE-----"};
const bench::Expected kBadToken{"HTTP/1.1 401", "\"code\":16"};
const bench::Expected kDenied{"HTTP/1.1 403", "\"code\":7"};

// PKIStatusInfo: granted.
const bench::Expected kTimestamp{"HTTP/1.1 201", {"\x30\x03\x02\x01\x00", 5}};

const bench::Expected& ExpectedOf(bench::Want want) {
  if (want == bench::Want::kCertificate) return kCertificate;
  if (want == bench::Want::kTimestamp) return kTimestamp;
  return want == bench::Want::kBadToken ? kBadToken : kDenied;
}

const std::map<std::string, bench::Want> kWants = {{"certificate", bench::Want::kCertificate},
                                                   {"bad-token", bench::Want::kBadToken},
                                                   {"denied", bench::Want::kDenied},
                                                   {"denied-anew", bench::Want::kDeniedAnew},
                                                   {"timestamp", bench::Want::kTimestamp}};

std::string NameOf(bench::Want want) {
  return std::ranges::find(kWants, want, &std::pair<const std::string, bench::Want>::second)->first;
}

double Percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[at];
}

int Load(const Options& options, const support::TokenMinter& minter, const bench::Target& target) {
  const bench::Counters counters_before = bench::AwaitRest(options.internal);
  const bench::Cost before = bench::CostOf(options.server);
  bench::Sent all;
  double rest = 0;
  for (std::size_t sent = 0; sent < options.requests; sent += kAtOnce) {
    const auto requests = bench::MakeRequests(
        minter, target, std::min(kAtOnce, options.requests - sent), options.want);
    bench::Sent part =
        bench::Send(options.address, requests, options.connections, ExpectedOf(options.want));
    const auto answered = Clock::now();
    bench::AwaitRest(options.internal);
    rest += std::chrono::duration<double>(Clock::now() - answered).count();
    all.seconds += part.seconds;
    all.good += part.good;
    all.latencies.insert(all.latencies.end(), part.latencies.begin(), part.latencies.end());
    if (all.first_bad.empty()) all.first_bad = part.first_bad;
  }
  const bench::Counters counters_after = bench::AwaitRest(options.internal);
  const bench::Cost after = bench::CostOf(options.server);
  std::ranges::sort(all.latencies);
  const auto count = static_cast<double>(options.requests);
  const schema::Json out = {
      {"want", NameOf(options.want)},
      {"connections", options.connections},
      {"requests", options.requests},
      {"good", all.good},
      {"per_second", count / all.seconds},
      {"p50_ms", Percentile(all.latencies, 0.50)},
      {"p95_ms", Percentile(all.latencies, 0.95)},
      {"p99_ms", Percentile(all.latencies, 0.99)},
      {"cpu_ms", 1000 * (after.cpu_seconds - before.cpu_seconds) / count},
      {"signer_cpu_ms", 1000 * (after.signer_cpu_seconds - before.signer_cpu_seconds) / count},
      {"switches", static_cast<double>(after.switches - before.switches) / count},
      {"hsm_operations", counters_after.hsm_operations - counters_before.hsm_operations},
      {"commits", counters_after.commits - counters_before.commits},
      {"rest_ms", 1000 * rest},
      {"rss_before_mb", before.rss_mb},
      {"rss_mb", after.rss_mb}};
  std::puts(out.dump().c_str());
  if (all.good == options.requests) return 0;
  std::fprintf(stderr, "%zu of %zu answers were not expected, the first:\n%s\n",
               options.requests - all.good, options.requests, all.first_bad.c_str());
  return 1;
}

// From the start of the process to the first certificate. A server that cannot yet answer is asked
// again with the same request, as a client would.
int Start(const Options& options, const support::TokenMinter& minter, const bench::Target& target) {
  const auto requests = bench::MakeRequests(minter, target, 1);
  const std::string config = options.state + "/chancery.yaml";
  const auto begin = Clock::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(options.start.c_str(), "chancery", "serve", "--config", config.c_str(), nullptr);
    std::perror("exec");
    ::_exit(127);
  }
  double took = 0;
  while (Clock::now() - begin < std::chrono::seconds(20)) {
    const int probe = bench::Connect(options.address);
    if (probe >= 0) {
      ::close(probe);
      if (bench::Send(options.address, requests, 1, kCertificate).good == 1) {
        took = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
        break;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ::kill(pid, SIGTERM);
  int status = 0;
  ::waitpid(pid, &status, 0);
  std::puts(schema::Json{{"start_ms", took}, {"exit", status}}.dump().c_str());
  return took > 0 && status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Loads a running Chancery with distinct signing requests; see tests/bench/README.md");
  Options options;
  app.add_option("--state", options.state, "directory of make_state.py")->required();
  app.add_option("--address", options.address, "the signing API");
  app.add_option("--internal", options.internal, "the internal pages");
  app.add_option("--issuer", options.issuer, "\"iss\" of the tokens")->required();
  app.add_option("--server", options.server, "process id of chancery serve");
  app.add_option("--requests", options.requests, "how many");
  app.add_option("--connections", options.connections, "how many in flight");
  app.add_option("--branches", options.branches, "whose tokens these are, at random");
  app.add_option(
         "--want", options.want,
         "what the requests are to get: a certificate, a timestamp, or a refusal of a token with a "
         "wrong signature, of one repository, or of another one each time")
      ->transform(CLI::CheckedTransformer(kWants));
  app.add_option("--start", options.start, "start this chancery and time its first certificate");
  CLI11_PARSE(app, argc, argv);
  const auto minter = bench::LoadMinter(options.state + "/issuer/issuer-rsa.key");
  const bench::Target target{options.issuer, options.address, options.branches};
  return options.start.empty() ? Load(options, minter, target) : Start(options, minter, target);
}
