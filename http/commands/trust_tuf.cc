#include "http/commands/trust_tuf.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/pem.h"
#include "ca/tuf/repository.h"
#include "hsm/file_key.h"
#include "hsm/harden.h"
#include "http/commands/trust_documents.h"
#include "schema/base/file.h"
#include "schema/base/json.h"

namespace http {
namespace {

using ca::tuf::Key;
using ca::tuf::Repository;
using ca::tuf::Role;
using schema::Outcome;
using schema::Result;

struct Options {
  std::string directory, config, key, role = "targets", format = "text";
  std::vector<std::string> root_keys, targets_keys, online_keys;
  std::size_t root_threshold = 1, targets_threshold = 1, threshold = 0;
};

constexpr ca::tuf::Lifetimes kLifetimes;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

Result<std::vector<Key>> ReadKeys(const std::vector<std::string>& files) {
  std::vector<Key> keys;
  for (const std::string& file : files) {
    TRY(const std::string pem, schema::ReadFile(file));
    auto key = ca::tuf::KeyOfPem(pem);
    if (!key) return schema::Error{key.error().kind, file + ": " + key.error().detail};
    keys.push_back(*std::move(key));
  }
  return keys;
}

// What TUF clients look for; the other documents say the same in other words.
Result<ca::tuf::Targets> TargetsOf(const std::string& config) {
  TRY(auto documents, TrustDocuments(config));
  ca::tuf::Targets targets;
  for (const char* name : {"trusted_root.json", "signing_config.v0.2.json"}) {
    targets.emplace(name, std::move(documents.at(name)));
  }
  return targets;
}

std::optional<std::size_t> Threshold(const Options& options) {
  return options.threshold == 0 ? std::nullopt : std::optional(options.threshold);
}

Role RoleOf(const std::string& name) {
  if (name == "root") return Role::kRoot;
  return name == "targets" ? Role::kTargets : Role::kTimestamp;
}

Outcome PrintNames(const Result<std::vector<std::string>>& names) {
  if (!names) return names.error();
  for (const std::string& name : *names) std::printf("%s\n", name.c_str());
  return schema::Ok();
}

Outcome Keygen(const Options& options) {
  TRY(hsm::GenerateFileKey(options.key, hsm::FileKeyKind::kEcdsaP256));
  TRY(const auto key, hsm::OpenFileKey(options.key, hsm::FileKeyKind::kEcdsaP256));
  TRY(const Key own, ca::tuf::KeyOf(key->spki()));
  TRY(schema::ReplaceFile(options.key + ".pub", ca::Pem("PUBLIC KEY", key->spki().view()) + "\n"));
  std::printf("%s.pub: key id %s\n", options.key.c_str(), own.id.c_str());
  return schema::Ok();
}

Outcome Init(const Options& options) {
  TRY(auto root_keys, ReadKeys(options.root_keys));
  TRY(auto targets_keys, ReadKeys(options.targets_keys));
  TRY(auto online_keys, ReadKeys(options.online_keys));
  TRY(const ca::tuf::Targets targets, TargetsOf(options.config));
  const bool same = targets_keys.empty();
  const ca::tuf::Plan plan{root_keys, same ? root_keys : targets_keys, online_keys,
                           options.root_threshold,
                           same ? options.root_threshold : options.targets_threshold};
  TRY(Repository(options.directory).Init(plan, targets, Now(), kLifetimes));
  std::printf(
      "staged root 1 and targets 1\n"
      "next: chancery trust tuf sign %s --key KEY, with %zu root keys; then chancery trust tuf "
      "publish %s\n",
      options.directory.c_str(), options.root_threshold, options.directory.c_str());
  return schema::Ok();
}

Outcome Update(const Options& options) {
  TRY(const ca::tuf::Targets targets, TargetsOf(options.config));
  TRY(const bool staged, Repository(options.directory).Update(targets, Now(), kLifetimes));
  std::printf("%s\n", staged ? "staged targets; next: sign and publish"
                             : "the published targets are these, and good for long enough");
  return schema::Ok();
}

Outcome AddKey(const Options& options) {
  TRY(const auto keys, ReadKeys({options.key}));
  TRY(Repository(options.directory)
          .AddKey(RoleOf(options.role), keys.front(), Threshold(options), Now(), kLifetimes));
  std::printf("staged a root with key %s for %s; next: sign and publish\n", keys.front().id.c_str(),
              options.role.c_str());
  return schema::Ok();
}

Outcome RemoveKey(const Options& options) {
  TRY(const auto keys, ReadKeys({options.key}));
  TRY(Repository(options.directory)
          .RemoveKey(RoleOf(options.role), keys.front().id, Threshold(options), Now(), kLifetimes));
  std::printf("staged a root without key %s for %s; next: sign and publish\n",
              keys.front().id.c_str(), options.role.c_str());
  return schema::Ok();
}

Outcome Sign(const Options& options) {
  TRY(const auto key, hsm::OpenFileKey(options.key, hsm::FileKeyKind::kEcdsaP256));
  return PrintNames(Repository(options.directory).Sign(*key));
}

Outcome Refresh(const Options& options) {
  TRY(const auto key, hsm::OpenFileKey(options.key, hsm::FileKeyKind::kEcdsaP256));
  return PrintNames(Repository(options.directory).Refresh(*key, Now(), kLifetimes));
}

Outcome Show(const Options& options) {
  TRY(const ca::tuf::State state, Repository(options.directory).Look());
  schema::Json all = schema::Json::array();
  for (const auto& one : state.documents) {
    if (options.format == "text") {
      std::printf("%-18s version %-4llu until %s  %zu of %zu signatures\n", one.document.c_str(),
                  static_cast<unsigned long long>(one.version),
                  schema::Rfc3339(one.expires).c_str(), one.signatures, one.threshold);
      continue;
    }
    all.push_back({{"document", one.document},
                   {"version", one.version},
                   {"expires", schema::Rfc3339(one.expires)},
                   {"signatures", one.signatures},
                   {"threshold", one.threshold}});
  }
  if (options.format == "json") std::printf("%s\n", all.dump(2).c_str());
  return schema::Ok();
}

// `run` on the options of a command, and what it fails with.
CLI::App* Add(CLI::App& tuf, const char* name, const char* text,
              const std::shared_ptr<Options>& options, Outcome (*run)(const Options&),
              int& exit_code) {
  CLI::App* command = tuf.add_subcommand(name, text);
  command->callback([options, run, &exit_code] {
    hsm::HardenProcess();  // some read a private key
    if (const auto done = run(*options); !done) {
      std::fprintf(stderr, "chancery: %s\n", done.error().Describe().c_str());
      exit_code = 1;
    }
  });
  return command;
}

void Directory(CLI::App* command, Options& options) {
  command->add_option("DIR", options.directory, "the repository")->required();
}
void Config(CLI::App* command, Options& options) {
  command->add_option("--config", options.config, "chancery.yaml")
      ->required()
      ->check(CLI::ExistingFile);
}
void ChangeKey(CLI::App* command, Options& options) {
  Directory(command, options);
  command->add_option("--role", options.role, "root, targets, or online (snapshot and timestamp)")
      ->check(CLI::IsMember({"root", "targets", "online"}))
      ->required();
  command->add_option("--key", options.key, "public key in PEM, ECDSA P-256")
      ->check(CLI::ExistingFile)
      ->required();
  command->add_option("--threshold", options.threshold, "signatures that the role wants from now");
}

}  // namespace

void RegisterTrustTuf(CLI::App& trust, int& exit_code) {
  CLI::App* tuf = trust.add_subcommand(
      "tuf", "The trust documents as a TUF repository, for `cosign initialize` and the like");
  tuf->require_subcommand(1);
  tuf->footer(
      "Example:\n"
      "  chancery trust tuf keygen --key alice.key             # at each key holder\n"
      "  chancery trust tuf init tuf --config chancery.yaml --root-key alice.key.pub --root-key "
      "\\\n"
      "    bob.key.pub --root-threshold 2 --online-key online.key.pub\n"
      "  chancery trust tuf sign tuf --key alice.key           # at each key holder\n"
      "  chancery trust tuf publish tuf\n"
      "  chancery trust tuf refresh tuf --key online.key       # daily, by a timer");
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  const auto add = [&](const char* name, const char* text, Outcome (*run)(const Options&)) {
    return Add(*tuf, name, text, options, run, exit_code);
  };
  add("keygen", "Make a key of a role, and its public key beside it", Keygen)
      ->add_option("--key", o.key, "a new file, mode 0400; FILE.pub is its public key")
      ->required();
  CLI::App* init = add("init", "Stage the first root and targets", Init);
  Directory(init, o);
  Config(init, o);
  init->add_option("--root-key", o.root_keys, "public key of a holder; several")
      ->required()
      ->check(CLI::ExistingFile);
  init->add_option("--root-threshold", o.root_threshold, "signatures that a root wants");
  init->add_option("--targets-key", o.targets_keys, "public key; default: those of the root")
      ->check(CLI::ExistingFile);
  init->add_option("--targets-threshold", o.targets_threshold, "signatures that targets want");
  init->add_option("--online-key", o.online_keys, "public key of snapshot and timestamp")
      ->required()
      ->check(CLI::ExistingFile);
  CLI::App* update =
      add("update",
          "Stage new targets, when the trust documents changed or half their life is over", Update);
  Directory(update, o);
  Config(update, o);
  ChangeKey(add("add-key", "Stage a root in which a role has a key more", AddKey), o);
  ChangeKey(add("remove-key", "Stage a root in which a role has a key less", RemoveKey), o);
  CLI::App* sign = add("sign", "Sign what is staged and wants this key", Sign);
  CLI::App* publish =
      add("publish", "Bring what is staged and signed into force",
          [](const Options& all) { return PrintNames(Repository(all.directory).Publish()); });
  CLI::App* refresh = add(
      "refresh", "Sign snapshot and timestamp anew, when targets are newer or half a life is over",
      Refresh);
  for (CLI::App* command : {sign, publish, refresh}) Directory(command, o);
  for (CLI::App* command : {sign, refresh}) {
    command->add_option("--key", o.key, "private key, a file closed to others")
        ->required()
        ->check(CLI::ExistingFile);
  }
  CLI::App* show = add("show", "Print versions, lifetimes and signatures", Show);
  Directory(show, o);
  show->add_option("--format", o.format, "text or json")->check(CLI::IsMember({"text", "json"}));
}

}  // namespace http
