#include "schema/base/file.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "schema/base/openssl.h"

namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    std::string name = std::filesystem::temp_directory_path() / "file_test.XXXXXX";
    const int fd = ::mkstemp(name.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("ReadFile gives every octet back") {
  std::string content(100'000, 'x');
  content[0] = '\0';
  content[50'000] = '\r';
  const TemporaryFile file(content);
  CHECK(*schema::ReadFile(file.path()) == content);
  CHECK_EQ(*schema::ReadFile(TemporaryFile("").path()), "");
}

TEST_CASE("ReadFile stops at its limit") {
  const TemporaryFile file("12345");
  CHECK_EQ(*schema::ReadFile(file.path(), 5), "12345");
  const auto over = schema::ReadFile(file.path(), 4);
  REQUIRE_FALSE(over);
  CHECK_EQ(over.error().detail, file.path().string() + ": larger than 4 bytes");
  const auto endless = schema::ReadFile("/dev/zero");
  REQUIRE_FALSE(endless);
  CHECK(endless.error().Is(schema::kFileUnreadable));
}

TEST_CASE("ReadFile names the path and the system's reason") {
  const auto absent = schema::ReadFile("/nonexistent/file");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().Is(schema::kFileUnreadable));
  CHECK_EQ(absent.error().detail, "/nonexistent/file: No such file or directory");
  const auto folder = schema::ReadFile("/");
  REQUIRE_FALSE(folder);
  CHECK_EQ(folder.error().detail, "/: Is a directory");
}

TEST_CASE("OpensslError gives the newest message and empties the queue") {
  ERR_clear_error();
  CHECK_EQ(schema::OpensslError(), "OpenSSL gave no reason");
  ERR_raise(ERR_LIB_X509, ERR_R_PASSED_NULL_PARAMETER);
  ERR_raise_data(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE, "on key %d", 7);
  const std::string text = schema::OpensslError();
  CAPTURE(text);
  CHECK_NE(text.find("malloc failure"), std::string::npos);
  CHECK_NE(text.find("on key 7"), std::string::npos);
  CHECK_EQ(ERR_peek_error(), 0);
}

TEST_CASE("FileDigest is SHA-256 of all of it") {
  const std::string content(200'000, 'y');  // more than one block
  const TemporaryFile file(content);
  CHECK(*schema::FileDigest(file.path()) == schema::Sha256(schema::AsBytes(content)));
  CHECK(schema::FileDigest("/nowhere/at/all").error().Is(schema::kFileUnreadable));
}

TEST_CASE("AppendFile adds at the end, ReplaceFile leaves the old or the new") {
  const TemporaryFile file("one\n");
  CHECK(schema::AppendFile(file.path(), "two\n"));
  CHECK_EQ(*schema::ReadFile(file.path()), "one\ntwo\n");
  CHECK(schema::ReplaceFile(file.path(), "three\n"));
  CHECK_EQ(*schema::ReadFile(file.path()), "three\n");
  CHECK_FALSE(std::filesystem::exists(file.path().string() + ".new"));
  for (const auto& outcome :
       {schema::AppendFile("/nowhere/at/all", "x"), schema::ReplaceFile("/nowhere/at/all", "x"),
        schema::AppendFile("/dev/full", "x")}) {
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().Is(schema::kFileUnwritable));
  }
}
