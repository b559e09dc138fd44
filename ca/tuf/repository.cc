#include "ca/tuf/repository.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "schema/base/file.h"

namespace ca::tuf {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;
namespace fs = std::filesystem;

const schema::ErrorKind kTufRefused{"tuf-refused", schema::Fault::kUs,
                                    "the TUF repository does not allow that now"};

namespace {

Error Refuse(std::string why) { return {&kTufRefused, std::move(why)}; }

std::string FileName(Role role, std::uint64_t version) {
  if (role == Role::kTimestamp) return "timestamp.json";  // it has no older ones (7.1.1)
  return std::to_string(version) + "." + std::string(NameOf(role)) + ".json";
}

// The greatest N of N.ROLE.json; 0 when there is none.
std::uint64_t NewestVersion(const fs::path& directory, Role role) {
  const std::string suffix = "." + std::string(NameOf(role)) + ".json";
  std::uint64_t newest = 0;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(suffix)) continue;
    std::uint64_t version = 0;
    const char* const stop = name.data() + name.size() - suffix.size();
    const auto read = std::from_chars(name.data(), stop, version);
    if (read.ec == std::errc() && read.ptr == stop) newest = std::max(newest, version);
  }
  return newest;
}

std::string DigestOf(const std::string& text) {
  return schema::Hex(schema::Sha256(schema::AsBytes(text)));
}

Json DescribeTargets(const Targets& targets) {
  Json out = Json::object();
  for (const auto& [name, text] : targets) {
    out[name] = {{"length", text.size()}, {"hashes", {{"sha256", DigestOf(text)}}}};
  }
  return out;
}

void Grant(Root& root, Role role, const Key& key) {
  root.keys.emplace(key.id, key);
  std::vector<std::string>& ids = root.roles[role].keys;
  if (std::ranges::find(ids, key.id) == ids.end()) ids.push_back(key.id);
}

// The roles that have their keys together with this one.
std::vector<Role> WithSameKeys(Role role) {
  if (role == Role::kRoot || role == Role::kTargets) return {role};
  return {Role::kSnapshot, Role::kTimestamp};
}

Outcome CheckThreshold(const Root& root, Role role) {
  const Terms& terms = root.roles.at(role);
  if (terms.threshold >= 1 && terms.threshold <= terms.keys.size()) return schema::Ok();
  return Refuse("the role " + std::string(NameOf(role)) + " would have " +
                std::to_string(terms.keys.size()) + " keys and want signatures of " +
                std::to_string(terms.threshold));
}

bool HalfOver(const Head& head, std::chrono::hours life, schema::Time now) {
  return now >= head.expires - life / 2;
}

}  // namespace

Outcome Repository::Write(const fs::path& file, const std::string& text) const {
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  if (failed) {
    return Error{&schema::kFileUnwritable, file.parent_path().string() + ": " + failed.message()};
  }
  return schema::ReplaceFile(file, text);
}

Result<std::optional<Repository::Current>> Repository::Read(const fs::path& file, Role role) const {
  std::error_code failed;
  if (!fs::exists(file, failed)) return std::optional<Current>();
  TRY(const std::string text, schema::ReadFile(file));
  TRY(Document document, ParseDocument(text, file.string()));
  TRY(const Head head, HeadOf(document, role));
  return std::optional(Current{std::move(document), head});
}

Result<std::optional<Repository::Current>> Repository::Newest(Role role) const {
  if (role == Role::kTimestamp) return Read(directory_ / FileName(role, 0), role);
  const std::uint64_t version = NewestVersion(directory_, role);
  if (version == 0) return std::optional<Current>();
  const std::string name = FileName(role, version);
  TRY(auto newest, Read(directory_ / name, role));
  if (!newest) return Error{&kBadMetadata, name + ": went away"};
  if (newest->head.version != version) {
    return Error{&kBadMetadata, name + ": is version " + std::to_string(newest->head.version)};
  }
  return newest;
}

Result<std::optional<Repository::Current>> Repository::StagedOne(Role role) const {
  return Read(Staged(std::string(NameOf(role)) + ".json"), role);
}

Result<Root> Repository::RootInForce() const {
  TRY(const auto newest, Newest(Role::kRoot));
  if (!newest) {
    return Refuse(directory_.string() +
                  " has no published root; sign and publish what `init` staged");
  }
  return ReadRoot(newest->document);
}

Result<Root> Repository::RootToChange(schema::Time now, const Lifetimes& lifetimes) const {
  TRY(const auto staged, StagedOne(Role::kRoot));
  if (staged) return ReadRoot(staged->document);
  TRY(Root root, RootInForce());
  ++root.head.version;
  root.head.expires = now + lifetimes.root;
  return root;
}

// Signatures of what was staged before are of something else now.
Outcome Repository::StageRoot(const Root& root) const {
  for (const Role role : kRoles) TRY(CheckThreshold(root, role));
  return Write(Staged("root.json"), FormatDocument({WriteRoot(root), {}}));
}

Outcome Repository::StageTargets(std::uint64_t version, const Targets& targets,
                                 schema::Time expires) const {
  std::error_code failed;
  fs::remove_all(Staged("targets"), failed);
  for (const auto& [name, text] : targets) {
    TRY(Write(Staged("targets") / (DigestOf(text) + "." + name), text));
  }
  Json part = MakePart(Role::kTargets, {version, expires});
  part["targets"] = DescribeTargets(targets);
  return Write(Staged("targets.json"), FormatDocument({std::move(part), {}}));
}

Outcome Repository::Init(const Plan& plan, const Targets& targets, schema::Time now,
                         const Lifetimes& lifetimes) const {
  std::error_code failed;
  if (fs::exists(directory_ / FileName(Role::kRoot, 1), failed) ||
      fs::exists(Staged("root.json"), failed)) {
    return Refuse(directory_.string() + " is a TUF repository already");
  }
  Root root{{1, now + lifetimes.root}, {}, {}};
  for (const Key& key : plan.root_keys) Grant(root, Role::kRoot, key);
  for (const Key& key : plan.targets_keys) Grant(root, Role::kTargets, key);
  for (const Role role : WithSameKeys(Role::kTimestamp)) {
    for (const Key& key : plan.online_keys) Grant(root, role, key);
  }
  root.roles[Role::kRoot].threshold = plan.root_threshold;
  root.roles[Role::kTargets].threshold = plan.targets_threshold;
  TRY(StageRoot(root));
  return StageTargets(1, targets, now + lifetimes.targets);
}

Outcome Repository::AddKey(Role role, const Key& key, std::optional<std::size_t> threshold,
                           schema::Time now, const Lifetimes& lifetimes) const {
  TRY(Root root, RootToChange(now, lifetimes));
  for (const Role one : WithSameKeys(role)) {
    Grant(root, one, key);
    if (threshold) root.roles[one].threshold = *threshold;
  }
  return StageRoot(root);
}

Outcome Repository::RemoveKey(Role role, const std::string& id,
                              std::optional<std::size_t> threshold, schema::Time now,
                              const Lifetimes& lifetimes) const {
  TRY(Root root, RootToChange(now, lifetimes));
  for (const Role one : WithSameKeys(role)) {
    if (std::erase(root.roles[one].keys, id) == 0) {
      return Refuse("the role " + std::string(NameOf(one)) + " has no key " + id);
    }
    if (threshold) root.roles[one].threshold = *threshold;
  }
  return StageRoot(root);
}

Result<bool> Repository::Update(const Targets& targets, schema::Time now,
                                const Lifetimes& lifetimes) const {
  TRY(const auto newest, Newest(Role::kTargets));
  const std::uint64_t version = newest ? newest->head.version + 1 : 1;
  if (newest && newest->document.part.value("targets", Json()) == DescribeTargets(targets) &&
      !HalfOver(newest->head, lifetimes.targets, now)) {
    return false;
  }
  TRY(StageTargets(version, targets, now + lifetimes.targets));
  return true;
}

Result<std::vector<std::string>> Repository::Sign(hsm::SigningKey& key) const {
  TRY(const Key own, KeyOf(key.spki()));
  std::vector<std::string> signed_names;
  TRY(const auto newest, Newest(Role::kRoot));
  TRY(const auto staged_root, StagedOne(Role::kRoot));
  std::vector<Root> roots;  // whose keys count
  for (const auto& one : {newest, staged_root}) {
    if (one) {
      TRY(roots.emplace_back(), ReadRoot(one->document));
    }
  }
  for (const Role role : {Role::kRoot, Role::kTargets}) {
    TRY(auto staged, StagedOne(role));
    const bool wanted = std::ranges::any_of(roots, [&](const Root& root) {
      return std::ranges::find(root.roles.at(role).keys, own.id) != root.roles.at(role).keys.end();
    });
    if (!staged || !wanted) continue;
    // Nobody is to sign what cannot be published.
    if (role == Role::kTargets) TRY(ReadTargets(staged->document));
    const std::string canonical = Canonical(staged->document.part);
    TRY(schema::Signature signature, key.Sign(schema::AsBytes(canonical)));
    staged->document.signatures.insert_or_assign(own.id, std::move(signature));
    const std::string name = std::string(NameOf(role)) + ".json";
    TRY(Write(Staged(name), FormatDocument(staged->document)));
    signed_names.push_back(Staged(name).string());
  }
  if (signed_names.empty()) {
    return Refuse("nothing that is staged wants a signature of the key " + own.id);
  }
  return signed_names;
}

// A client goes from root to root: each is signed by the keys of the one before, and by its own.
Outcome Repository::PublishRoot(std::vector<std::string>& made) const {
  TRY(const auto staged, StagedOne(Role::kRoot));
  if (!staged) return schema::Ok();
  TRY(const Root root, ReadRoot(staged->document));
  TRY(const auto newest, Newest(Role::kRoot));
  const std::uint64_t version = newest ? newest->head.version + 1 : 1;
  if (root.head.version != version) {
    return Refuse("the staged root is version " + std::to_string(root.head.version) + ", not " +
                  std::to_string(version));
  }
  if (newest) {
    TRY(const Root before, ReadRoot(newest->document));
    TRY(CheckSigned(staged->document, before, Role::kRoot));
  }
  TRY(CheckSigned(staged->document, root, Role::kRoot));
  made.push_back(FileName(Role::kRoot, version));
  TRY(Write(directory_ / made.back(), FormatDocument(staged->document)));
  // The newest under a plain name, for those who are given a first one.
  TRY(Write(directory_ / "root.json", FormatDocument(staged->document)));
  std::error_code failed;
  fs::remove(Staged("root.json"), failed);
  return schema::Ok();
}

Outcome Repository::PublishTargets(std::vector<std::string>& made) const {
  TRY(const auto staged, StagedOne(Role::kTargets));
  if (!staged) return schema::Ok();
  TRY(const Root root, RootInForce());
  TRY(CheckSigned(staged->document, root, Role::kTargets));
  TRY(const auto targets, ReadTargets(staged->document));
  for (const auto& [name, digest] : targets) {
    std::string file = digest;
    file.append(".").append(name);
    TRY(const std::string text, schema::ReadFile(Staged("targets") / file));
    if (DigestOf(text) + "." + name != file) return Refuse(file + " is not what its name says");
    TRY(Write(directory_ / "targets" / file, text));
    made.push_back("targets/" + file);
  }
  made.push_back(FileName(Role::kTargets, staged->head.version));
  TRY(Write(directory_ / made.back(), FormatDocument(staged->document)));
  std::error_code failed;
  fs::remove(Staged("targets.json"), failed);
  fs::remove_all(Staged("targets"), failed);
  return schema::Ok();
}

Result<std::vector<std::string>> Repository::Publish() const {
  std::vector<std::string> made;
  TRY(PublishRoot(made));
  TRY(PublishTargets(made));
  if (made.empty()) return Refuse("nothing is staged");
  return made;
}

Result<std::optional<std::string>> Repository::RenewOnline(Role role, const Json& meta,
                                                           hsm::SigningKey& key, const Root& root,
                                                           schema::Time now,
                                                           std::chrono::hours life) const {
  TRY(const auto newest, Newest(role));
  if (newest && newest->document.part.value("meta", Json()) == meta &&
      !HalfOver(newest->head, life, now) && CheckSigned(newest->document, root, role)) {
    return std::optional<std::string>();
  }
  const std::uint64_t version = newest ? newest->head.version + 1 : 1;
  Document document{MakePart(role, {version, now + life}), {}};
  document.part["meta"] = meta;
  TRY(const Key own, KeyOf(key.spki()));
  const std::string canonical = Canonical(document.part);
  TRY(schema::Signature signature, key.Sign(schema::AsBytes(canonical)));
  document.signatures.emplace(own.id, std::move(signature));
  TRY(CheckSigned(document, root, role));
  const std::string name = FileName(role, version);
  TRY(Write(directory_ / name, FormatDocument(document)));
  return std::optional(name);
}

Result<std::vector<std::string>> Repository::Refresh(hsm::SigningKey& key, schema::Time now,
                                                     const Lifetimes& lifetimes) const {
  TRY(const Root root, RootInForce());
  TRY(const auto targets, Newest(Role::kTargets));
  if (!targets) return Refuse("no targets are published yet");
  std::vector<std::string> made;
  const Json of_snapshot = {{"targets.json", {{"version", targets->head.version}}}};
  TRY(const auto snapshot,
      RenewOnline(Role::kSnapshot, of_snapshot, key, root, now, lifetimes.online));
  if (snapshot) made.push_back(*snapshot);
  TRY(const auto newest, Newest(Role::kSnapshot));
  const Json of_timestamp = {{"snapshot.json", {{"version", newest->head.version}}}};
  TRY(const auto timestamp,
      RenewOnline(Role::kTimestamp, of_timestamp, key, root, now, lifetimes.online));
  if (timestamp) made.push_back(*timestamp);
  return made;
}

std::vector<std::string> Repository::Alarms(schema::Time now) const {
  constexpr Lifetimes kUsual;
  constexpr std::chrono::hours kMonth{24 * 30};
  struct Watched {
    Role role;
    std::chrono::hours left;
    const char* todo;
  };
  constexpr Watched kWatched[] = {{Role::kRoot, kMonth, "add-key or remove-key, sign, publish"},
                                  {Role::kTargets, kMonth, "update, sign, publish"},
                                  {Role::kSnapshot, kUsual.online / 2, "refresh"},
                                  {Role::kTimestamp, kUsual.online / 2, "refresh"}};
  std::vector<std::string> alarms;
  for (const Watched& watched : kWatched) {
    const std::string name(NameOf(watched.role));
    const auto newest = Newest(watched.role);
    if (!newest) {
      alarms.push_back(name + ": " + newest.error().Describe());
    } else if (!*newest) {
      alarms.push_back(name + " is not published: " + watched.todo);
    } else if (now >= (*newest)->head.expires - watched.left) {
      alarms.push_back(name + (now >= (*newest)->head.expires ? " expired at " : " expires at ") +
                       schema::Rfc3339((*newest)->head.expires) + ": " + watched.todo);
    }
  }
  return alarms;
}

Result<State> Repository::Look() const {
  State state;
  TRY(const auto newest, Newest(Role::kRoot));
  TRY(const auto staged, StagedOne(Role::kRoot));
  if (!newest && !staged) return Refuse(directory_.string() + " is no TUF repository");
  TRY(const Root root, ReadRoot(newest ? newest->document : staged->document));
  const auto add = [&](const std::string& name, Role role, const Current& one) {
    state.documents.push_back({name, one.head.version, one.head.expires,
                               CountSigned(one.document, root, role),
                               root.roles.at(role).threshold});
  };
  for (const Role role : kRoles) {
    TRY(const auto one, Newest(role));
    if (one) add(std::string(NameOf(role)), role, *one);
    TRY(const auto waiting, StagedOne(role));
    if (waiting) add("staged " + std::string(NameOf(role)), role, *waiting);
  }
  return state;
}

}  // namespace ca::tuf
