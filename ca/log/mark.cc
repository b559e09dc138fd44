#include "ca/log/mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "ca/log/batch.h"
#include "ca/log/place.h"
#include "schema/base/base64.h"
#include "schema/log/merkle.h"

namespace ca {

using schema::Error;
using schema::Hash;
using schema::Ok;
using schema::Outcome;
using schema::Result;

namespace {

constexpr const char* kFile = "published";
constexpr std::array kLogs = {LogName::kCertificates, LogName::kEvents};

std::string NameOf(LogName log) {
  return log == LogName::kCertificates ? "certificates" : "events";
}

std::string Text(const Mark& mark) {
  std::string text;
  for (const Published& one : mark) {
    text +=
        NameOf(one.log) + " " + std::to_string(one.size) + " " + schema::Base64(one.root) + "\n";
  }
  return text;
}

bool WriteAll(int fd, const std::string& text) {
  const auto count = static_cast<ssize_t>(text.size());
  return ::write(fd, text.data(), text.size()) == count && ::fsync(fd) == 0;
}

}  // namespace

Outcome WriteMark(const std::filesystem::path& state, const Mark& mark) {
  const std::string path = (state / kFile).string(), next = path + ".new";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  bool done = fd >= 0 && WriteAll(fd, Text(mark));
  if (fd >= 0) done = ::close(fd) == 0 && done;
  if (done && ::rename(next.c_str(), path.c_str()) == 0) return Ok();
  return Error{&kStateGone, path + ": " + std::strerror(errno)};
}

Result<Mark> ReadMark(const std::filesystem::path& state) {
  std::ifstream in(state / kFile);
  if (!in) return Mark();
  std::ostringstream text;
  text << in.rdbuf();
  Mark mark;
  std::istringstream lines(text.str());
  for (const LogName log : kLogs) {
    std::string name, root;
    Published one{log, 0, {}};
    lines >> name >> one.size >> root;
    if (const auto hash = schema::DecodeBase64Lenient(root);
        hash && hash->size() == one.root.size()) {
      std::copy(hash->begin(), hash->end(), one.root.begin());
    }
    mark.push_back(one);
  }
  if (Text(mark) == text.str()) return mark;
  return Error{&kInconsistent, (state / kFile).string() + ": not as it was written"};
}

Outcome CompareWithMark(Store& store, const std::vector<ShardRow>& shards, const Mark& mark) {
  for (const Published& one : mark) {
    std::string found = "has no such log";
    bool held = false;
    for (const ShardRow& shard : shards) {
      if (shard.log != one.log || held) continue;
      if (shard.size < one.size) {
        found = "has " + std::to_string(shard.size);
        continue;
      }
      const auto read = [&](int level, std::uint64_t first, std::size_t count) {
        return store.ReadHashes(shard.id, level, first, count);
      };
      TRY(const Hash root, schema::merkle::Root(one.size, read));
      held = root == one.root;
      found = "has others";
    }
    if (held) continue;
    return Error{&kInconsistent, "a checkpoint of " + std::to_string(one.size) + " " +
                                     NameOf(one.log) + " has been published, the database " +
                                     found};
  }
  return Ok();
}

}  // namespace ca
