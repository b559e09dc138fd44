#include "hsm/file_key.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "hsm/channel.h"
#include "hsm/custody.h"
#include "hsm/digest.h"
#include "hsm/private_file.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kEd25519SpkiBytes = 44;  // RFC 8410 4: 12 octets before the key

Error Unusable(const fs::path& file, const std::string& why) {
  return Error{&kKeyUnusable, file.string() + ": " + why};
}

class FileKey final : public SigningKey {
 public:
  FileKey(schema::OwnedKey key, schema::SpkiDer spki, const char* digest)
      : key_(std::move(key)),
        spki_(std::move(spki)),
        context_(EVP_MD_CTX_new()),
        digest_(digest == nullptr ? nullptr : EVP_MD_fetch(nullptr, digest, nullptr)) {
    MUST(context_ != nullptr && (digest == nullptr || digest_ != nullptr));
  }

  Result<schema::Signature> Sign(BytesView message) override {
    Bytes signature(kP256SignatureBytesMax);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit(context_.get(), nullptr, digest_.get(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context_.get(), signature.data(), &size, message.data(), message.size()) !=
            1) {
      return Error{&kDeviceFailed, schema::OpensslError()};
    }
    signature.resize(size);
    return schema::Signature(std::move(signature));
  }
  const schema::SpkiDer& spki() const override { return spki_; }

 private:
  schema::OwnedKey key_;
  schema::SpkiDer spki_;
  schema::OwnedDigestContext context_;
  schema::Owned<EVP_MD, EVP_MD_free> digest_;
};

// An encrypted key would make OpenSSL ask on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

Result<schema::SpkiDer> Ed25519Spki(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = EVP_PKEY_is_a(key, "ED25519") != 0 ? i2d_PUBKEY(key, &der) : -1;
  if (size != static_cast<int>(kEd25519SpkiBytes))
    return Error{&kKeyUnusable, "not an Ed25519 key"};
  schema::SpkiDer spki(Bytes(der, der + size));
  OPENSSL_free(der);
  return spki;
}

}  // namespace

Result<std::unique_ptr<SigningKey>> OpenFileKey(const fs::path& file, FileKeyKind kind) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) {
    return Unusable(file, std::generic_category().message(errno));
  }
  TRY(CheckPrivate(fd.get(), status, file));
  // OpenSSL reads from the descriptor itself, so no copy of the text stays behind in a string.
  const schema::OwnedBio bio(BIO_new_fd(fd.get(), BIO_NOCLOSE));
  MUST(bio != nullptr);
  schema::OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) return Unusable(file, "no PEM private key: " + schema::OpensslError());
  const bool ecdsa = kind == FileKeyKind::kEcdsaP256;
  auto spki = ecdsa ? P256Spki(key.get()) : Ed25519Spki(key.get());
  if (!spki) return Unusable(file, spki.error().detail);
  return std::unique_ptr<SigningKey>(
      std::make_unique<FileKey>(std::move(key), *std::move(spki), ecdsa ? "SHA256" : nullptr));
}

schema::Outcome GenerateFileKey(const fs::path& file, FileKeyKind kind) {
  const schema::OwnedKey key(kind == FileKeyKind::kEcdsaP256
                                 ? EVP_EC_gen("P-256")
                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return Unusable(file, "no key was made: " + schema::OpensslError());
  // Closed from its first moment, and never over another key.
  const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400));
  if (fd.get() < 0) return Unusable(file, std::generic_category().message(errno));
  const schema::OwnedBio bio(BIO_new_fd(fd.get(), BIO_NOCLOSE));
  MUST(bio != nullptr);
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1 ||
      ::fsync(fd.get()) != 0) {
    return Unusable(file, "it cannot be written: " + schema::OpensslError());
  }
  return schema::Ok();
}

Bytes RawEd25519(const schema::SpkiDer& spki) {
  MUST(spki.size() == kEd25519SpkiBytes);
  return schema::ToBytes(spki.view().last(32));
}

}  // namespace hsm
