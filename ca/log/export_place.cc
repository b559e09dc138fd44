#include "ca/log/export_place.h"

#include <system_error>
#include <utility>

#include "schema/base/file.h"

namespace ca {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

class Directory final : public ExportPlace {
 public:
  explicit Directory(std::filesystem::path base) : base_(std::move(base)) {}

  std::string Where(const std::string& name) const override { return (base_ / name).string(); }

  Result<bool> Has(const std::string& name) override {
    std::error_code ignored;
    return std::filesystem::exists(base_ / name, ignored);
  }

  Result<std::optional<Bytes>> Read(const std::string& name) override {
    TRY(const bool there, Has(name));
    if (!there) return std::optional<Bytes>();
    TRY(const std::string text, schema::ReadFile(base_ / name, kFileBytesMax));
    return std::optional(schema::ToBytes(schema::AsBytes(text)));
  }

  Outcome Replace(const std::string& name, BytesView bytes) override {
    const std::filesystem::path path = base_ / name;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return Error{&schema::kFileUnwritable, path.parent_path().string() + ": " + error.message()};
    }
    return schema::ReplaceFile(path, schema::AsText(bytes));
  }

  void RemoveFolder(const std::string& name) override {
    std::error_code ignored;
    std::filesystem::remove_all(base_ / name, ignored);
  }

  Outcome Settle() override { return schema::Ok(); }  // each file by itself

 private:
  const std::filesystem::path base_;
};

class InBundle final : public ExportPlace {
 public:
  InBundle(std::shared_ptr<Bundle> bundle, std::string base)
      : bundle_(std::move(bundle)), base_(std::move(base)) {}

  std::string Where(const std::string& name) const override { return base_ + '/' + name; }

  Result<bool> Has(const std::string& name) override {
    TRY(const auto found, bundle_->Read(Where(name)));
    return found.has_value();
  }
  Result<std::optional<Bytes>> Read(const std::string& name) override {
    return bundle_->Read(Where(name));
  }
  Outcome Replace(const std::string& name, BytesView bytes) override {
    return bundle_->Put(Where(name), bytes);
  }
  void RemoveFolder(const std::string& name) override {
    const Outcome ignored = bundle_->Remove(Where(name) + '/');
    static_cast<void>(ignored);
  }
  Outcome Settle() override { return bundle_->Commit(); }

 private:
  const std::shared_ptr<Bundle> bundle_;
  const std::string base_;
};

}  // namespace

std::unique_ptr<ExportPlace> DirectoryPlace(std::filesystem::path base) {
  return std::make_unique<Directory>(std::move(base));
}
std::unique_ptr<ExportPlace> BundlePlace(std::shared_ptr<Bundle> bundle, std::string base) {
  return std::make_unique<InBundle>(std::move(bundle), std::move(base));
}

}  // namespace ca
