#include "ca/traits.h"

#include <doctest/doctest.h>

#include "tests/ca/samples.h"

namespace {

using Extensions = std::vector<schema::FulcioExtension>;

// "kind=value (name)" of each trait but the key's, which comes last.
std::vector<std::string> TraitsWith(const Extensions& extensions) {
  schema::Identity identity = samples::Github();
  identity.extensions = extensions;
  std::vector<std::string> out;
  for (const ca::Trait& trait : ca::TraitsOf(identity, samples::ProvenKey())) {
    out.push_back(std::string(ca::kTraitNames[static_cast<std::size_t>(trait.kind)]) + "=" +
                  trait.value + (trait.name.empty() ? "" : " (" + trait.name + ")"));
  }
  REQUIRE_FALSE(out.empty());
  CHECK_EQ(out.back(), "key-type=ecdsa-p256");
  out.pop_back();
  return out;
}

TEST_CASE("what of a certificate may be new") {
  struct Case {
    const char* name;
    Extensions extensions;
    std::vector<std::string> want;
  };
  const Case kCases[] = {
      {"everything",
       {{11, "github-hosted"},
        {12, "https://github.com/acme/app"},
        {15, "12345"},
        {18, "https://github.com/acme/app/.github/workflows/r.yml@refs/heads/main"}},
       {"repository=12345 (https://github.com/acme/app)",
        "workflow=https://github.com/acme/app/.github/workflows/r.yml",
        "runner-environment=github-hosted"}},
      {"no id: the name it has",
       {{12, "https://git.example/a"}},
       {"repository=https://git.example/a"}},
      {"an id alone", {{15, "7"}}, {"repository=7"}},
      {"a workflow without ref",
       {{18, "https://git.example/a/ci.yml"}},
       {"workflow=https://git.example/a/ci.yml"}},
      {"a ref with an @",
       {{18, "https://g.example/ci.yml@refs/tags/a@b"}},
       {"workflow=https://g.example/ci.yml"}},
      {"nothing of it", {{1, "x"}, {8, "x"}}, {}},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    CHECK_EQ(TraitsWith(c.extensions), c.want);
  }
}

}  // namespace
