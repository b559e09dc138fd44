// A TUF repository as a directory that any web server can serve: what `chancery trust tuf` does.
//
//   N.root.json  N.targets.json  N.snapshot.json  timestamp.json     consistent snapshots (7.1.1)
//   targets/SHA256.NAME                                              each target under its digest
//   staged/root.json  staged/targets.json  staged/targets/           what waits for signatures
//
// Root and targets are signed offline, by as many keys as the root asks for; snapshot and timestamp
// by an online key that can only say which of what is signed is current. Files are added, and but
// for timestamp.json and what is staged never changed: a client that has an old root finds each one
// that came after it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ca/tuf/metadata.h"
#include "hsm/key.h"

namespace ca::tuf {

extern const schema::ErrorKind kTufRefused;  // kUs: what was asked for cannot be done now

// Name and content.
using Targets = std::map<std::string, std::string>;

struct Plan {
  std::vector<Key> root_keys, targets_keys, online_keys;
  std::size_t root_threshold, targets_threshold;
};

struct Lifetimes {
  std::chrono::hours root{24 * 365}, targets{24 * 365}, online{24 * 7};
};

// What a repository is like, for people and alarms.
struct State {
  struct One {
    std::string document;  // "root", "staged root", …
    std::uint64_t version;
    schema::Time expires;
    std::size_t signatures, threshold;
  };
  std::vector<One> documents;
};

// One process at a time works on a directory; readers see whole files always.
class Repository {
 public:
  explicit Repository(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Stages root 1 and targets 1. kTufRefused when there is a repository already.
  schema::Outcome Init(const Plan& plan, const Targets& targets, schema::Time now,
                       const Lifetimes& lifetimes) const;
  // Stages the next root, or changes the staged one: a key more for a role, or one less. The other
  // roles' keys stay. Snapshot and timestamp share their keys.
  schema::Outcome AddKey(Role role, const Key& key, std::optional<std::size_t> threshold,
                         schema::Time now, const Lifetimes& lifetimes) const;
  schema::Outcome RemoveKey(Role role, const std::string& id, std::optional<std::size_t> threshold,
                            schema::Time now, const Lifetimes& lifetimes) const;
  // Stages the next targets; false when they are those of the current ones, which stay good for
  // more than half of their life.
  schema::Result<bool> Update(const Targets& targets, schema::Time now,
                              const Lifetimes& lifetimes) const;
  // Signs what is staged and wants this key; names of what was signed. kTufRefused when nothing
  // does.
  schema::Result<std::vector<std::string>> Sign(hsm::SigningKey& key) const;
  // Brings what is staged into force; names of the new files. kBadMetadata while signatures are
  // missing: of a root by the keys of the one before it, too (5.3.4).
  schema::Result<std::vector<std::string>> Publish() const;
  // Signs snapshot and timestamp anew when targets are newer, or half of a life is over; names of
  // the new files, or none.
  schema::Result<std::vector<std::string>> Refresh(hsm::SigningKey& key, schema::Time now,
                                                   const Lifetimes& lifetimes) const;
  schema::Result<State> Look() const;
  // What an operator has to do, and until when; none when all is well. Clients refuse documents
  // that have expired. Reads four files.
  std::vector<std::string> Alarms(schema::Time now) const;

 private:
  struct Current {
    Document document;
    Head head;
  };
  std::filesystem::path Staged(const std::string& name) const {
    return directory_ / "staged" / name;
  }
  schema::Result<std::optional<Current>> Read(const std::filesystem::path& file, Role role) const;
  schema::Result<std::optional<Current>> Newest(Role role) const;
  schema::Result<std::optional<Current>> StagedOne(Role role) const;
  schema::Result<Root> RootInForce() const;
  schema::Result<Root> RootToChange(schema::Time now, const Lifetimes& lifetimes) const;
  schema::Outcome StageRoot(const Root& root) const;
  schema::Outcome StageTargets(std::uint64_t version, const Targets& targets,
                               schema::Time expires) const;
  schema::Outcome PublishRoot(std::vector<std::string>& made) const;
  schema::Outcome PublishTargets(std::vector<std::string>& made) const;
  schema::Result<std::optional<std::string>> RenewOnline(Role role, const schema::Json& meta,
                                                         hsm::SigningKey& key, const Root& root,
                                                         schema::Time now,
                                                         std::chrono::hours life) const;
  schema::Outcome Write(const std::filesystem::path& file, const std::string& text) const;

  const std::filesystem::path directory_;
};

}  // namespace ca::tuf
