#include "hsm/drained.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "hsm/channel.h"
#include "schema/base/file.h"
#include "schema/key_settings.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kServing = "serving\n";
constexpr std::string_view kDrained = "drained\n";

fs::path DirectoryIn(const fs::path& state) { return state / "drained"; }

Error Unwritable(const fs::path& path) {
  return Error{&schema::kFileUnwritable,
               path.string() + ": " + std::generic_category().message(errno)};
}

// Of one file, which may be replaced meanwhile: owner and text are read from the same.
DrainNote ReadNote(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat found {};
  if (file.get() < 0 ? ::lstat(path.c_str(), &found) : ::fstat(file.get(), &found)) {
    return {false, 0, {}};  // gone
  }
  std::array<char, kServing.size()> text{};
  const bool serving = ::read(file.get(), text.data(), text.size()) == ssize_t{text.size()} &&
                       std::string_view(text.data(), text.size()) == kServing;
  const auto when = std::chrono::seconds(found.st_mtim.tv_sec) +
                    std::chrono::milliseconds(found.st_mtim.tv_nsec / 1'000'000);
  return {!serving, found.st_uid, schema::TimeMs(when)};
}

// Whatever the umask: a note of root's is for the server to read, and the directory is its own.
Outcome MakeDirectory(const fs::path& state) {
  struct stat owner {};
  if (::stat(state.c_str(), &owner) != 0) return Unwritable(state);
  const fs::path directory = DirectoryIn(state);
  if (::mkdir(directory.c_str(), 0755) != 0) {
    return errno == EEXIST ? schema::Ok() : Outcome(Unwritable(directory));
  }
  if (::chmod(directory.c_str(), 0755) != 0) return Unwritable(directory);
  if (::geteuid() == 0 && ::chown(directory.c_str(), owner.st_uid, owner.st_gid) != 0) {
    return Unwritable(directory);
  }
  return schema::Ok();
}

}  // namespace

DrainNotes ReadDrainNotes(const fs::path& state) {
  DrainNotes notes;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(DirectoryIn(state), ignored)) {
    const std::string token = entry.path().filename().string();
    if (schema::IsTokenName(token)) notes[token] = ReadNote(entry.path());
  }
  return notes;
}

bool IsDrained(const DrainNotes& notes, const std::string& token) {
  const auto note = notes.find(token);
  return note != notes.end() && note->second.drained;
}

Outcome WriteDrainNote(const fs::path& state, const std::string& token, bool drained) {
  TRY(MakeDirectory(state));
  const fs::path file = DirectoryIn(state) / token;
  // The owner is what counts: nobody's unfinished file is written on.
  ::unlink((file.string() + ".new").c_str());
  TRY(schema::ReplaceFile(file, drained ? kDrained : kServing));
  if (::chmod(file.c_str(), 0644) != 0) return Unwritable(file);
  return schema::Ok();
}

}  // namespace hsm
