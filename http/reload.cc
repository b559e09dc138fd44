#include "http/reload.h"

#include <algorithm>

#include "schema/base/bytes.h"
#include "schema/base/file.h"

namespace http {
namespace {

constexpr std::size_t kReasonBytes = 1024;

std::vector<std::filesystem::path> PathsOf(const std::vector<ReloadedFile>& files) {
  std::vector<std::filesystem::path> paths;
  for (const ReloadedFile& file : files) paths.push_back(file.path);
  return paths;
}

}  // namespace

std::string FileState::Describe() const {
  const std::string serving = "serving " + digest + " since " + schema::Rfc3339(since);
  return refused.empty() ? serving : "refused: " + refused + "; " + serving;
}

Reloader::Reloader(std::vector<ReloadedFile> files,
                   std::function<schema::Outcome(schema::Json)> note, const schema::Clock& clock,
                   schema::Journal& journal, ReloadSettings settings)
    : note_(std::move(note)),
      clock_(clock),
      journal_(journal),
      settings_(settings),
      watch_(PathsOf(files), settings.watch) {
  for (ReloadedFile& file : files) {
    Item item;
    item.state = {file.name, file.path, file.digest, clock.Now(), "", 0};
    item.file = std::move(file);
    items_.push_back(std::move(item));
  }
  for (const auto& directory : watch_.blind()) {
    journal_.Warning("directory-not-watched",
                     {{"directory", directory.string()}, {"instead", "looked at now and then"}});
  }
}

Reloader::~Reloader() { Stop(); }

void Reloader::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Reloader::Stop() {
  watch_.Stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<FileState> Reloader::States() const {
  const std::lock_guard lock(mutex_);
  std::vector<FileState> states;
  for (const Item& item : items_) states.push_back(item.state);
  return states;
}

void Reloader::Run() {
  Watch::Woken woken = Watch::Woken::kTime;
  while (woken != Watch::Woken::kStopped) {
    for (Item& item : items_) Look(item, woken == Watch::Woken::kAsked);
    woken = watch_.Wait(Restless() ? settings_.retry : settings_.look);
  }
}

bool Reloader::Restless() const {
  return std::ranges::any_of(items_,
                             [](const Item& item) { return item.retry || !item.owed.is_null(); });
}

void Reloader::Look(Item& item, bool asked) {
  Settle(item);
  std::error_code ignored;
  const bool absent = item.file.optional && !std::filesystem::exists(item.file.path, ignored);
  const auto text = absent ? schema::Result<std::string>("") : schema::ReadFile(item.file.path);
  if (!text) {
    const std::string tried = text.error().Describe();
    if (tried != item.tried || asked) Refuse(item, text.error(), "");
    item.tried = tried;
    return;
  }
  const std::string digest = schema::TextDigest(*text);
  // A load that failed halfway may have put its text in force, so another load has to say what is.
  if (digest == item.state.digest && !item.retry) {
    item.tried.clear();
    if (asked) journal_.Info("file-unchanged", {{"file", item.file.name}, {"digest", digest}});
    if (item.state.refused.empty()) return;
    journal_.Info("file-mended", {{"file", item.file.name}, {"digest", digest}});
    const std::lock_guard lock(mutex_);
    item.state.refused.clear();
    return;
  }
  if (digest == item.tried && !item.retry && !asked) return;
  Load(item, *text, digest);
}

void Reloader::Load(Item& item, const std::string& text, const std::string& digest) {
  const bool again = item.retry && item.tried == digest;
  const auto loaded = item.file.load(text);
  item.tried = loaded ? "" : digest;
  item.retry = !loaded && loaded.error().kind->fault == schema::Fault::kBusy;
  if (!loaded) {
    if (!again || !item.retry) Refuse(item, loaded.error(), digest);
    return;
  }
  journal_.Info("file-loaded", {{"file", item.file.name},
                                {"path", item.file.path.string()},
                                {"digest", digest},
                                {"before", item.state.digest}});
  const std::lock_guard lock(mutex_);
  item.state.digest = digest;
  item.state.since = clock_.Now();
  item.state.refused.clear();
}

void Reloader::Refuse(Item& item, const schema::Error& error, const std::string& digest) {
  const std::string reason = error.Describe().substr(0, kReasonBytes);
  journal_.Error("file-refused", {{"file", item.file.name},
                                  {"path", item.file.path.string()},
                                  {"digest", digest},
                                  {"reason", reason},
                                  {"serving", item.state.digest}});
  {
    const std::lock_guard lock(mutex_);
    item.state.refused = reason;
    ++item.state.failures;
  }
  item.owed = {{"type", item.file.name + "-refused"},
               {item.file.name + "_digest", item.state.digest},
               {"reason", reason}};
  if (!digest.empty()) item.owed["refused_digest"] = digest;
  Settle(item);
}

void Reloader::Settle(Item& item) {
  if (item.owed.is_null()) return;
  if (const auto noted = note_(item.owed); !noted) {
    journal_.Warning("event-not-entered",
                     {{"file", item.file.name}, {"reason", noted.error().Describe()}});
    return;
  }
  item.owed = nullptr;
}

}  // namespace http
