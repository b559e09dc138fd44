#include "ca/audit/source.h"

#include <utility>

#include "schema/base/file.h"

namespace ca::audit {

using schema::Bytes;
using schema::Result;

const schema::ErrorKind kUnreadable{"unreadable", schema::Fault::kBusy,
                                    "a file of the log cannot be read"};

namespace {

Result<Bytes> AsFile(Result<std::string> read, const std::string& path) {
  if (!read) return schema::Error{&kUnreadable, path + ": " + read.error().detail};
  return schema::ToBytes(schema::AsBytes(*read));
}

class Directory final : public Source {
 public:
  explicit Directory(std::filesystem::path base) : base_(std::move(base)) {}
  Result<Bytes> Read(const std::string& path) const override {
    return AsFile(schema::ReadFile(base_ / path, kFileBytesMax), path);
  }

 private:
  const std::filesystem::path base_;
};

class Archived final : public Source {
 public:
  Archived(std::shared_ptr<Bundle> bundle, std::string base)
      : bundle_(std::move(bundle)), base_(std::move(base)) {}
  Result<Bytes> Read(const std::string& path) const override {
    const std::string name = base_ + '/' + path;
    auto read = bundle_->Read(name);
    if (!read) return schema::Error{&kUnreadable, name + ": " + read.error().Describe()};
    if (!*read) return schema::Error{&kUnreadable, name + " is not in the bundle"};
    return **std::move(read);
  }

 private:
  const std::shared_ptr<Bundle> bundle_;
  const std::string base_;
};

class Server final : public Source {
 public:
  Server(schema::Fetcher& fetcher, schema::FetchRequest base)
      : fetcher_(fetcher), base_(std::move(base)) {
    base_.bytes_max = kFileBytesMax;
    if (!base_.url.ends_with('/')) base_.url += '/';
  }
  Result<Bytes> Read(const std::string& path) const override {
    schema::FetchRequest request = base_;
    request.url += path;
    return AsFile(fetcher_.Get(request), path);
  }

 private:
  schema::Fetcher& fetcher_;
  schema::FetchRequest base_;
};

}  // namespace

std::unique_ptr<Source> OpenDirectory(std::filesystem::path base) {
  return std::make_unique<Directory>(std::move(base));
}
std::unique_ptr<Source> OpenBundle(std::shared_ptr<Bundle> bundle, std::string base) {
  return std::make_unique<Archived>(std::move(bundle), std::move(base));
}
std::unique_ptr<Source> OpenServer(schema::Fetcher& fetcher, schema::FetchRequest base) {
  return std::make_unique<Server>(fetcher, std::move(base));
}

}  // namespace ca::audit
