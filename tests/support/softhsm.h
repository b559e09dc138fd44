// A SoftHSM token in a temporary directory, and the state directory of a Chancery around it.
//
// Needs softhsm2-util and pkcs11-tool (scripts/setup installs them). Nothing outside the directory
// is touched: SOFTHSM2_CONF is set in the tools' and the signers' environment, never in the test's
// own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "schema/base/openssl.h"
#include "schema/config.h"

namespace support {

inline constexpr std::string_view kSoftHsmModule = "/usr/lib/softhsm/libsofthsm2.so";

// A directory under the system's temporary one, removed with its content.
class TempDirectory {
 public:
  TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes with exactly this mode, replacing the file (a new inode).
void WriteFile(const std::filesystem::path& path, std::string_view text, int mode = 0600);

// Token "chancery" in `directory`/tokens, with softhsm2.conf and the file `pin` beside it.
class SoftHsm {
 public:
  explicit SoftHsm(std::filesystem::path directory);

  // ECDSA P-256 generated in the token as the rules want it, by `hsm_signer hsm generate` beside
  // the test. With `options`, by pkcs11-tool with those, which cannot deny decryption.
  void MakeKeyPair(std::string_view label, std::string_view id_hex,
                   std::string_view options = "") const;
  // A login with `pin`, by another program; whether the token took it.
  bool LogIn(std::string_view pin) const;
  // As the token's public key object says.
  schema::OwnedKey PublicKey(std::string_view label) const;
  void DeletePublicKey(std::string_view label) const;
  // "pkcs11:token=chancery;object=LABEL?module-path=…&pin-source=file:pin"
  std::string Uri(std::string_view label) const;

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path config_file() const { return directory_ / "softhsm2.conf"; }
  std::filesystem::path tokens() const { return directory_ / "tokens"; }
  std::filesystem::path pin_file() const { return directory_ / "pin"; }
  const std::string& pin() const { return pin_; }

 private:
  std::filesystem::path directory_;
  std::string pin_;
};

struct StateOptions {
  int sessions = 1;
  std::string sign_deadline = "2s";
  std::string module = std::string(kSoftHsmModule);
  std::string key{};              // replaces ca.key; empty: the token's "ca"
  bool log_key_in_token = false;  // else file:log.key
  // `log.precertificate: signer` with the key in "file" or "token"; empty: ca. Whoever
  // issued its certificate: only ca/ looks at that.
  std::string precertificate{};
  // `tsa` with the key in "file" or "token"; empty: no timestamp authority. Its certificate is
  // anybody's, as above.
  std::string timestamp{};
  std::string module_env{};  // further members, ", NAME: value"
  std::string ca{};          // further lines of `ca`, "  name: value\n"
  std::string hsm{};         // lines of `hsm`
  std::string ca_key{};      // options that make the key "ca"
};

// Everything `chancery serve` or a Custody needs, in a temporary directory: token with key "ca"
// (and "log"), chain.pem over it, note keys, chancery.yaml with ports of the system's choice,
// issuers.yaml and policy.yaml with one issuer that nobody serves. Tests overwrite what they care
// for.
class HsmState {
 public:
  explicit HsmState(const StateOptions& options = {});

  const std::filesystem::path& directory() const { return directory_.path(); }
  std::filesystem::path config_file() const { return directory() / "chancery.yaml"; }
  const SoftHsm& token() const { return token_; }
  // Writes chancery.yaml anew.
  void Configure(const StateOptions& options) const;
  schema::Config Load() const;  // needs the schema library

 private:
  // `name`.key or the token's `name`, and `name`-chain.pem.
  void MakeCertified(const std::string& name, std::string_view id_hex, bool in_token) const;

  TempDirectory directory_;
  SoftHsm token_;
};

}  // namespace support
