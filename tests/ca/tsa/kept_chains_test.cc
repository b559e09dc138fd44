#include "ca/tsa/kept_chains.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/ca/tsa/rig.h"

namespace {

using std::chrono::hours;

class TempDir {
 public:
  TempDir() {
    std::string path = std::filesystem::temp_directory_path() / "chains-XXXXXX";
    MUST(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST_CASE("every chain stays, oldest first, also when it has expired") {
  TempDir dir;
  CHECK(ca::KeptTimestampChains(dir.path())->empty());
  rig::Specs old;
  old.authority.not_after = support::kNow + hours(24);
  const ca::TimestampChain first = rig::Certificates(old).Load();
  const ca::TimestampChain second = rig::Certificates().Load();
  const schema::Time now = support::kNow;
  REQUIRE(ca::KeepTimestampChain(dir.path(), first, now));
  REQUIRE(ca::KeepTimestampChain(dir.path(), second, now + hours(48)));
  // Back to the first: it is there already.
  REQUIRE(ca::KeepTimestampChain(dir.path(), first, now + hours(72)));
  const auto kept = ca::KeptTimestampChains(dir.path());
  REQUIRE(kept);
  REQUIRE_EQ(kept->size(), 2);
  CHECK_EQ(kept->front().digest, first.digest);
  CHECK_EQ(kept->front().pem, first.pem);
  CHECK_EQ(kept->back().digest, second.digest);
}

TEST_CASE("a file that is none is named") {
  TempDir dir;
  REQUIRE(ca::KeepTimestampChain(dir.path(), rig::Certificates().Load(), support::kNow));
  const auto file = dir.path() / "timestamp-chains" / "20300101T000000Z-00.pem";
  std::ofstream(file) << "nothing\n";
  const auto kept = ca::KeptTimestampChains(dir.path());
  REQUIRE_FALSE(kept);
  CHECK(kept.error().Is(ca::kBadTimestampChain));
  CHECK_NE(kept.error().detail.find("20300101T000000Z-00.pem"), std::string::npos);
}

TEST_CASE("a directory that cannot be written is named") {
  TempDir dir;
  std::ofstream(dir.path() / "timestamp-chains") << "in the way";
  const auto refused =
      ca::KeepTimestampChain(dir.path(), rig::Certificates().Load(), support::kNow);
  REQUIRE_FALSE(refused);
  CHECK_NE(refused.error().detail.find("timestamp-chains"), std::string::npos);
}

}  // namespace
