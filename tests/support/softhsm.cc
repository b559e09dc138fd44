#include "tests/support/softhsm.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "schema/base/file.h"
#include "schema/base/time.h"
#include "tests/support/test_ca.h"

namespace support {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = R"(listen:
  public: 127.0.0.1:0
  log: 127.0.0.1:0
  internal: 127.0.0.1:0
state: state
issuers: issuers.yaml
policy: policy.yaml
ca:
  chain: chain.pem
  key: "@KEY@"
  module-env: {SOFTHSM2_CONF: softhsm2.conf@ENV@}
  sessions: @SESSIONS@
  lifetime: 10m
  backdate: 30s
  sign-deadline: @DEADLINE@
@CA@log:
  certificates: {shard: "test", origin: ca.test/certificates, key: "@LOGKEY@", note-key: "file:log-note.key"}
  events: {shard: "test", origin: ca.test/events, note-key: "file:events-note.key"}
  checkpoint: 1s
)";

constexpr const char* kIssuers = R"(oidc-issuers:
  http://127.0.0.1:1/ci:
    issuer-url: http://127.0.0.1:1/ci
    client-id: sigstore
    type: email
)";

constexpr const char* kPolicy = R"(version: 1
issuers:
  ci: {url: http://127.0.0.1:1/ci}
allow:
  - {id: everyone, issuer: ci, when: all}
)";

void Replace(std::string& text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  MUST(at != std::string::npos);
  text.replace(at, what.size(), with);
}

// The tools' answer is of no interest, their failure is.
bool Succeeds(const fs::path& softhsm_config, const std::string& command) {
  const std::string line =
      "SOFTHSM2_CONF=" + softhsm_config.string() + " " + command + " >/dev/null 2>&1";
  return std::system(line.c_str()) == 0;
}

void Run(const fs::path& softhsm_config, const std::string& command) {
  if (Succeeds(softhsm_config, command)) return;
  std::fprintf(stderr, "failed: %s\n", command.c_str());
  MUST(false);
}

std::string RandomPin() {
  std::array<std::uint8_t, 8> bytes{};
  MUST(RAND_bytes(bytes.data(), bytes.size()) == 1);
  return schema::Hex(bytes);
}

std::string PrivatePem(EVP_PKEY* key) {
  const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

TempDirectory::TempDirectory() {
  std::string pattern = (fs::temp_directory_path() / "chancery-test-XXXXXX").string();
  MUST(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void WriteFile(const fs::path& path, std::string_view text, int mode) {
  const fs::path fresh = path.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text;
    MUST(out.good());
  }
  MUST(chmod(fresh.c_str(), static_cast<mode_t>(mode)) == 0);
  fs::rename(fresh, path);
}

SoftHsm::SoftHsm(fs::path directory) : directory_(std::move(directory)), pin_(RandomPin()) {
  fs::create_directories(tokens());
  WriteFile(config_file(), "directories.tokendir = " + tokens().string() +
                               "\nobjectstore.backend = file\nlog.level = ERROR\n");
  WriteFile(pin_file(), pin_ + "\n", 0400);
  Run(config_file(), "softhsm2-util --init-token --free --label chancery --so-pin " + RandomPin() +
                         " --pin " + pin_);
}

void SoftHsm::MakeKeyPair(std::string_view label, std::string_view id_hex,
                          std::string_view options) const {
  if (options.empty()) {
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "hsm_signer";
    Run(config_file(), program.string() + " hsm generate --uri 'pkcs11:token=chancery;object=" +
                           std::string(label) + ";id=%" + std::string(id_hex) +
                           "?module-path=" + std::string(kSoftHsmModule) +
                           "&pin-source=file:" + pin_file().string() + "'");
    return;
  }
  Run(config_file(), "pkcs11-tool --module " + std::string(kSoftHsmModule) +
                         " --token-label chancery --login --pin " + pin_ + " --keypairgen " +
                         std::string(options) + " --label " + std::string(label) + " --id " +
                         std::string(id_hex));
}

bool SoftHsm::LogIn(std::string_view pin) const {
  return Succeeds(config_file(), "pkcs11-tool --module " + std::string(kSoftHsmModule) +
                                     " --token-label chancery --login --list-objects --pin " +
                                     std::string(pin));
}

schema::OwnedKey SoftHsm::PublicKey(std::string_view label) const {
  const fs::path file = directory_ / (std::string(label) + ".pub.der");
  Run(config_file(), "pkcs11-tool --module " + std::string(kSoftHsmModule) +
                         " --token-label chancery --read-object --type pubkey --label " +
                         std::string(label) + " --output-file " + file.string());
  std::ifstream in(file, std::ios::binary);
  const schema::Bytes der{std::istreambuf_iterator<char>(in), {}};
  const unsigned char* p = der.data();
  schema::OwnedKey key(d2i_PUBKEY(nullptr, &p, static_cast<long>(der.size())));
  MUST(key);
  return key;
}

void SoftHsm::DeletePublicKey(std::string_view label) const {
  Run(config_file(), "pkcs11-tool --module " + std::string(kSoftHsmModule) +
                         " --token-label chancery --login --pin " + pin_ +
                         " --delete-object --type pubkey --label " + std::string(label));
}

std::string SoftHsm::Uri(std::string_view label) const {
  return "pkcs11:token=chancery;object=" + std::string(label) +
         "?module-path=" + std::string(kSoftHsmModule) + "&pin-source=file:pin";
}

HsmState::HsmState(const StateOptions& options) : token_(directory_.path()) {
  token_.MakeKeyPair("ca", "01", options.ca_key);
  if (options.log_key_in_token) token_.MakeKeyPair("log", "02");
  const schema::Time now = schema::ToSeconds(schema::SystemClock().Now());
  WriteFile(directory() / "chain.pem", ChainPemFor(token_.PublicKey("ca").get(), now), 0644);
  WriteFile(directory() / "log.key", PrivatePem(MakeKey("P-256").get()), 0400);
  WriteFile(directory() / "log-note.key", PrivatePem(MakeKey("Ed25519").get()), 0400);
  WriteFile(directory() / "events-note.key", PrivatePem(MakeKey("Ed25519").get()), 0400);
  if (!options.precertificate.empty()) {
    MakeCertified("precertificate", "03", options.precertificate == "token");
  }
  if (!options.timestamp.empty()) MakeCertified("tsa", "04", options.timestamp == "token");
  WriteFile(directory() / "issuers.yaml", kIssuers, 0644);
  WriteFile(directory() / "policy.yaml", kPolicy, 0644);
  Configure(options);
}

void HsmState::MakeCertified(const std::string& name, std::string_view id_hex,
                             bool in_token) const {
  const schema::OwnedKey key = MakeKey("P-256");
  if (in_token) token_.MakeKeyPair(name, id_hex);
  WriteFile(directory() / (name + ".key"), PrivatePem(key.get()), 0400);
  CertificateSpec spec;
  spec.common_name = "Example " + name;
  const schema::OwnedKey in = in_token ? token_.PublicKey(name) : nullptr;
  const schema::OwnedKey root = MakeKey("P-256");
  const schema::OwnedCert issuer = MakeCertificate(CertificateSpec(), root.get());
  const Issuer above{issuer.get(), root.get()};
  const schema::OwnedCert certificate =
      MakeCertificate(spec, in_token ? in.get() : key.get(), &above);
  WriteFile(directory() / (name + "-chain.pem"), PemOf(certificate.get()), 0644);
}

void HsmState::Configure(const StateOptions& options) const {
  std::string key = options.key.empty() ? token_.Uri("ca") : options.key;
  std::string log_key = options.log_key_in_token ? token_.Uri("log") : "file:log.key";
  std::string precertificate_key =
      options.precertificate == "token" ? token_.Uri("precertificate") : "file:precertificate.key";
  std::string tsa_key = options.timestamp == "token" ? token_.Uri("tsa") : "file:tsa.key";
  for (std::string* uri : {&key, &log_key, &precertificate_key, &tsa_key}) {
    const auto at = uri->find(kSoftHsmModule);
    if (at != std::string::npos) uri->replace(at, kSoftHsmModule.size(), options.module);
  }
  std::string text = kConfig;
  Replace(text, "@KEY@", key);
  Replace(text, "@ENV@", options.module_env);
  Replace(text, "@SESSIONS@", std::to_string(options.sessions));
  Replace(text, "@DEADLINE@", options.sign_deadline);
  Replace(text, "@LOGKEY@", log_key);
  Replace(text, "@CA@", options.ca);
  if (!options.precertificate.empty()) {
    Replace(text, "log:\n",
            "log:\n  precertificate: signer\n  precertificate-key: \"" + precertificate_key +
                "\"\n  precertificate-chain: precertificate-chain.pem\n");
  }
  if (!options.timestamp.empty()) {
    text += "tsa: {key: \"" + tsa_key + "\", chain: tsa-chain.pem, policy: \"2.999.1\"}\n";
  }
  if (!options.hsm.empty()) text += "hsm:\n" + options.hsm;
  WriteFile(config_file(), text, 0644);
}

schema::Config HsmState::Load() const {
  const auto text = schema::ReadFile(config_file());
  MUST(text.has_value());
  auto config = schema::ParseConfig(*text, config_file());
  if (!config) std::fprintf(stderr, "%s\n", config.error().Describe().c_str());
  MUST(config.has_value());
  return *std::move(config);
}

}  // namespace support
