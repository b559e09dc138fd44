#include "schema/vocabulary.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

TEST_CASE("each vocabulary is found by its kind, sorted, and asks only for claims it has") {
  CHECK(std::ranges::is_sorted(schema::Vocabularies(), {}, &schema::Vocabulary::kind));
  for (const schema::Vocabulary& row : schema::Vocabularies()) {
    CAPTURE(row.kind);
    CHECK_EQ(schema::FindVocabulary(row.kind), &row);
    for (const auto list : {row.claims, row.owner_ids, row.names, row.run}) {
      CHECK(std::ranges::is_sorted(list));
      CHECK(std::ranges::adjacent_find(list) == list.end());
      for (const std::string_view claim : list) {
        CAPTURE(claim);
        CHECK(std::ranges::binary_search(row.claims, claim));
      }
    }
    // What is an owner's id is no name that somebody else can take.
    for (const std::string_view id : row.owner_ids) {
      CHECK_FALSE(std::ranges::binary_search(row.names, id));
    }
    if (row.shared) CHECK_FALSE(row.owner_ids.empty());
  }
  CHECK_EQ(schema::FindVocabulary("github"), nullptr);
  CHECK_EQ(schema::FindVocabulary(""), nullptr);
  CHECK_EQ(schema::FindVocabulary("ci-provider"), nullptr);
}

struct KnownCase {
  const char* kind;
  const char* claim;
  bool want;
};
// What the providers' documents name, and what only looks like it.
const KnownCase kKnown[] = {
    {"buildkite-job", "build_id", true},
    {"buildkite-job", "agent_tag:queue", true},
    {"buildkite-job", "agent_tag:", false},
    {"buildkite-job", "agent_tag", false},
    {"buddy-pipeline", "pipeline_id", true},
    {"buddy-pipeline", "project_id", false},
    {"circleci-job", "oidc.circleci.com/ssh-rerun", true},
    {"circleci-job", "ssh-rerun", false},
    {"codefresh-workflow", "sid", true},
    {"github-workflow", "check_run_id", true},
    {"github-workflow", "repo_property_team", true},
    {"github-workflow", "repo_property_", false},
    {"github-workflow", "my_repo_property_team", false},
    {"gitlab-pipeline", "job_config", true},
    {"gitlab-pipeline", "repo_property_team", false},
};
TEST_CASE("a claim is known by its name or its family") {
  for (const KnownCase& c : kKnown) {
    CAPTURE(c.kind);
    CAPTURE(c.claim);
    const schema::Vocabulary* kind = schema::FindVocabulary(c.kind);
    REQUIRE(kind);
    CHECK_EQ(schema::Knows(*kind, c.claim), c.want);
  }
}

TEST_CASE("a GitHub run is its id and attempt") {
  const schema::Vocabulary* github = schema::FindVocabulary("github-workflow");
  REQUIRE(github);
  CHECK(github->shared);
  REQUIRE_EQ(github->run.size(), 2);
  CHECK_EQ(github->run[0], "run_attempt");
  CHECK_EQ(github->run[1], "run_id");
}

}  // namespace
