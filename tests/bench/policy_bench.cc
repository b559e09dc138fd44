// The policy alone: what a decision costs, and an events log for `chancery policy diff` to replay.
//
//   policy_bench decide                microseconds of one core for a decision with 50 rules, as
//   JSON policy_bench events DIR [COUNT]    makes DIR/chancery.yaml, its store with COUNT events of
//   the last
//                                      29 days, and two policies, old.yaml and new.yaml
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "ca/events.h"
#include "tests/ca/replay/events.h"
#include "tests/ca/samples.h"

namespace {

using schema::Json;

constexpr int kRules = 50;
constexpr const char* kIssuer = "https://token.actions.githubusercontent.com";

// As a company's policy is: mostly one rule a repository, each with conditions of every kind.
std::string PolicyText(int allow_from) {
  std::string text = std::string("version: 1\nissuers:\n  gh: {url: ") + kIssuer +
                     ", kind: github-workflow}\n  gl: {url: https://gitlab.com}\ndeny:\n"
                     "  - {id: no-forks, issuer: gh, when: {event_name: {any: [pull_request, "
                     "pull_request_target, workflow_run, issue_comment]}}}\n"
                     "  - {id: no-merge-requests, issuer: gl, when: {pipeline_source: "
                     "merge_request_event}}\n"
                     "  - {id: hosted-only, mode: audit, issuer: gh, when: {runner_environment: "
                     "self-hosted}}\nallow:\n";
  for (int i = allow_from; i < kRules - 3; ++i) {
    const std::string n = std::to_string(i);
    text += "  - id: release-" + n + "\n    owner: team-" + n +
            "\n    issuer: gh\n    when:\n      repository_owner_id: '678'\n      repository_id: "
            "{any: ['" +
            std::to_string(1000 + i) + "', '" + std::to_string(2000 + i) +
            "']}\n      job_workflow_ref: {glob: 'acme/flows/.github/workflows/release.yml@refs/"
            "tags/v*'}\n      ref: {regex: 'refs/tags/v[0-9]+\\.[0-9]+\\.[0-9]+'}\n      "
            "environment: production\n    grant: {per-run: 3, keys: [ecdsa-p256, ed25519]}\n";
  }
  return text;
}

// A release of one of the repositories, `number` telling the version.
schema::Identity Release(int repository, int number, bool allowed) {
  schema::Identity identity = samples::Github();
  const std::string name = "acme/app-" + std::to_string(repository);
  const std::string ref = "refs/tags/v" + std::to_string(number / 10) + "." +
                          std::to_string(number % 10) + (allowed ? ".0" : ".0-rc1");
  const std::string flow = "acme/flows/.github/workflows/release.yml@refs/tags/v3";
  const std::string sha = "2222222222222222222222222222222222222222";
  identity.subject = "repo:" + name + ":ref:" + ref;
  identity.issuers_digest = schema::TextDigest("issuers");
  identity.token_id = schema::Sha256(schema::AsBytes(identity.subject));
  identity.claims = {{"iss", kIssuer},
                     {"aud", "https://ca.acme.example"},
                     {"sub", identity.subject},
                     {"iat", 1795255200},
                     {"exp", 1795255500},
                     {"repository", name},
                     {"repository_id", std::to_string(1000 + repository)},
                     {"repository_owner", "acme"},
                     {"repository_owner_id", "678"},
                     {"repository_visibility", "private"},
                     {"ref", ref},
                     {"ref_type", "tag"},
                     {"sha", sha},
                     {"workflow", "Release"},
                     {"workflow_ref", name + "/.github/workflows/release.yml@" + ref},
                     {"workflow_sha", sha},
                     {"job_workflow_ref", flow},
                     {"job_workflow_sha", sha},
                     {"environment", "production"},
                     {"event_name", "push"},
                     {"run_id", std::to_string(7000000 + number)},
                     {"run_attempt", "1"},
                     {"run_number", "7"},
                     {"runner_environment", "github-hosted"},
                     {"actor", "octocat"},
                     {"actor_id", "1"}};
  return identity;
}

int Decide() {
  const auto policy = ca::Policy::Parse(PolicyText(0));
  MUST(policy.has_value());
  constexpr int kTimes = 2000;
  std::vector<double> rounds;
  // The last rule of the file allows it; every rule is evaluated whatever the answer is.
  const schema::Identity identity = Release(kRules - 4, 12, true);
  for (int round = 0; round < 25; ++round) {
    const auto begin = schema::Steady::now();
    for (int i = 0; i < kTimes; ++i) {
      MUST(policy->Decide(identity, "ecdsa-p256", support::kNow).allowed());
    }
    const std::chrono::duration<double, std::micro> took = schema::Steady::now() - begin;
    rounds.push_back(took.count() / kTimes);
  }
  std::ranges::sort(rounds);
  const Json out = {{"rules", kRules}, {"us", rounds[rounds.size() / 2]}, {"us_best", rounds[0]}};
  std::puts(out.dump().c_str());
  return 0;
}

// What the log says of one release that was asked for: granted and issued, or denied.
struct Texts {
  std::vector<ca::EventText> events;
};

constexpr std::string_view kRequest = "0123456789abcdef";

Texts TextsOf(const ca::Policy& policy, const ca::SubjectKey& key, int number) {
  const bool allowed = number % 10 != 0;
  const schema::Identity identity = Release(number % (kRules - 3), number, allowed);
  const ca::Decision decision = policy.Decide(identity, key.algorithm(), support::kNow);
  const ca::RequestContext context{std::string(kRequest), "192.0.2.7"};
  Texts out;
  const auto add = [&out](schema::Result<ca::EventText> text) {
    MUST(text.has_value());
    out.events.push_back(*std::move(text));
  };
  if (!allowed) {
    MUST(!decision.allowed());
    const schema::Error error{decision.refusal(), decision.rule()};
    add(ca::DeniedEvent(error, identity, &decision, {}, context));
    return out;
  }
  MUST(decision.allowed());
  add(ca::GrantedEvent(identity, key, decision, ca::Chain{}, {}, samples::kSerial, {}, context));
  add(ca::IssuedEvent(schema::AsBytes(identity.subject), {{}, "12345678", 1},
                      std::chrono::microseconds(60), context));
  return out;
}

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

constexpr const char* kConfig =
    R"(listen: {public: "127.0.0.1:0", log: "127.0.0.1:0", internal: "127.0.0.1:0"}
state: state
issuers: issuers.yaml
policy: old.yaml
ca: {chain: chain.pem, key: "pkcs11:token=bench;object=ca?module-path=none.so&pin-source=file:pin"}
log:
  certificates: {shard: "2026", origin: bench/certificates, key: "file:log.key", note-key: "file:note.key"}
  events: {shard: "2026", origin: bench/events, note-key: "file:events.key"}
)";

int Events(const std::filesystem::path& directory, std::size_t count) {
  constexpr std::size_t kBatch = 5000;
  constexpr std::chrono::milliseconds kSpan = std::chrono::days{29};
  std::filesystem::create_directories(directory);
  Write(directory / "chancery.yaml", kConfig);
  Write(directory / "old.yaml", PolicyText(0));
  Write(directory / "new.yaml", PolicyText(5));  // five repositories lose their rule
  const auto policy = ca::Policy::Parse(PolicyText(0));
  MUST(policy.has_value());
  const ca::SubjectKey key = samples::ProvenKey();
  std::vector<Texts> texts;
  for (std::size_t i = 0; i < std::max<std::size_t>(count / 50, 1); ++i) {
    texts.push_back(TextsOf(*policy, key, static_cast<int>(i)));
  }
  replay_test::EventStore store(directory / "state");
  const schema::TimeMs end = schema::SystemClock().Now();
  std::size_t made = 0;
  for (std::size_t turn = 0; made < count;) {
    std::vector<std::string> batch;
    schema::TimeMs time = end;
    for (; made < count && batch.size() < kBatch; ++turn) {
      time =
          end - kSpan + kSpan * static_cast<std::int64_t>(made) / static_cast<std::int64_t>(count);
      char request[17];
      std::snprintf(request, sizeof request, "%016zx", turn);
      for (const ca::EventText& event : texts[turn % texts.size()].events) {
        std::string text(schema::AsText(event.At(time, std::nullopt)));
        text.replace(text.find(kRequest), kRequest.size(), request);
        batch.push_back(std::move(text));
        if (++made == count) break;
      }
    }
    store.Add(batch, time);
  }
  std::printf("{\"events\": %zu}\n", made);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the policy alone; see tests/bench/README.md");
  app.require_subcommand(1);
  CLI::App* const decide = app.add_subcommand("decide", "the cost of a decision with 50 rules");
  CLI::App* const events = app.add_subcommand("events", "makes an events log to replay");
  std::string directory;
  std::size_t count = 1'000'000;
  events->add_option("DIR", directory)->required();
  events->add_option("COUNT", count);
  CLI11_PARSE(app, argc, argv);
  return decide->parsed() ? Decide() : Events(directory, count);
}
