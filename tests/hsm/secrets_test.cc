// PIN sources and key files: what is read, and what is refused before anything is done with it.
#include <doctest/doctest.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>

#include "hsm/custody.h"
#include "hsm/digest.h"
#include "hsm/file_key.h"
#include "hsm/login_gate.h"
#include "hsm/pin.h"
#include "hsm/pin_command.h"
#include "hsm/pin_memory.h"
#include "tests/support/softhsm.h"
#include "tests/support/test_ca.h"

namespace {

using namespace std::string_literals;

struct PinCase {
  const char* name;
  std::string content;
  int mode;
  const char* want;   // the PIN
  const char* error;  // or why not
};

const PinCase kPins[] = {
    {"plain", "1234", 0400, "1234", nullptr},
    {"one newline", "1234\n", 0600, "1234", nullptr},
    {"CRLF", "1234\r\n", 0600, "1234", nullptr},
    {"two newlines", "1234\n\n", 0600, "1234\n", nullptr},
    {"blanks are part of it", " 12 34 \n", 0600, " 12 34 ", nullptr},
    {"empty", "", 0600, nullptr, "empty"},
    {"newline only", "\n", 0600, nullptr, "empty"},
    {"NUL", "12\0"s + "34", 0600, nullptr, "NUL"},
    {"255 octets", std::string(255, '1'), 0600, nullptr, nullptr},
    {"256 octets", std::string(256, '1'), 0600, nullptr, "longer than 255"},
    {"a megabyte", std::string(1 << 20, '1'), 0600, nullptr, "longer than 255"},
    {"group may read", "1234", 0440, nullptr, "open to group"},
    {"others may read", "1234", 0404, nullptr, "open to group"},
    {"group may write", "1234", 0620, nullptr, "open to group"},
};

hsm::PinSource File(const std::filesystem::path& file) {
  return {.kind = hsm::PinKind::kFile, .file = file};
}

hsm::PinSource Command(std::initializer_list<std::string> words) {
  return {.kind = hsm::PinKind::kCommand, .command = words};
}

TEST_CASE("PIN files") {
  const support::TempDirectory directory;
  const auto file = directory.path() / "pin";
  for (const PinCase& c : kPins) {
    CAPTURE(c.name);
    support::WriteFile(file, c.content, c.mode);
    const auto got = hsm::ReadPin(File(file));
    CHECK_EQ(got.has_value(), c.error == nullptr);
    if (got && c.want != nullptr) CHECK_EQ(std::string(got->pin.c_str()), c.want);
    if (got) CHECK(got->tried == hsm::LookAtPin(file));
    if (!got) {
      CHECK(got.error().Is(hsm::kKeyUnusable));
      CHECK_NE(got.error().detail.find(c.error), std::string::npos);
      CHECK_EQ(got.error().detail.find("1234"), std::string::npos);
    }
  }
  CHECK_FALSE(hsm::ReadPin(File(directory.path() / "absent")).has_value());
  CHECK_FALSE(hsm::ReadPin(File(directory.path())).has_value());
  REQUIRE_EQ(::mkfifo((directory.path() / "pipe").c_str(), 0600), 0);
  CHECK_FALSE(hsm::ReadPin(File(directory.path() / "pipe")).has_value());  // and does not block
}

struct CommandCase {
  const char* name;
  const char* script;
  const char* want;   // the PIN
  const char* error;  // or why not
};

constexpr std::chrono::milliseconds kSlow{300};

const CommandCase kCommands[] = {
    {"a PIN", "printf 1234", "1234", nullptr},
    {"a line", "echo 1234", "1234", nullptr},
    {"in parts", "printf 12; sleep 0.1; printf 34", "1234", nullptr},
    {"what it says elsewhere is nobody's", "echo 9999 >&2; echo 1234", "1234", nullptr},
    {"it has nothing to read", "read x || echo 1234", "1234", nullptr},
    {"nothing", "true", nullptr, "empty"},
    {"a NUL", "printf '12\\00034'", nullptr, "NUL"},
    {"without end", "while :; do echo 1234; done", nullptr, "longer than 255"},
    {"a PIN, and failed", "echo 1234; exit 3", nullptr, "ended with exit code 3"},
    {"a PIN, and killed", "echo 1234; kill -9 $$", nullptr, "ended by signal 9"},
    {"too slow", "echo 1234; sleep 600", nullptr, "no PIN within 300ms"},
    {"a child that keeps the pipe", "sleep 600 & echo 1234", nullptr, "no PIN within 300ms"},
};

TEST_CASE("PINs of commands") {
  const support::TempDirectory directory;
  const std::string program = (directory.path() / "get-pin").string();
  for (const CommandCase& c : kCommands) {
    CAPTURE(c.name);
    support::WriteFile(program, "#!/bin/sh\n" + std::string(c.script) + "\n", 0700);
    const bool slow = c.error != nullptr && std::string_view(c.error).starts_with("no PIN within");
    const std::chrono::milliseconds within = slow ? kSlow : hsm::kPinCommandTime;
    const auto got = hsm::RunPinCommand({program, "an argument"}, within);
    REQUIRE_EQ(got.has_value(), c.error == nullptr);
    if (got) {
      CHECK_EQ(std::string(got->c_str()), c.want);
      continue;
    }
    CHECK(got.error().Is(hsm::kKeyUnusable));
    CAPTURE(got.error().detail);
    CHECK_NE(got.error().detail.find(program + ": "), std::string::npos);
    CHECK_NE(got.error().detail.find(c.error), std::string::npos);
    for (const char* secret : {"1234", "9999", "an argument"}) {
      CHECK_EQ(got.error().detail.find(secret), std::string::npos);
    }
  }
  CHECK_FALSE(hsm::ReadPin(Command({(directory.path() / "absent").string()})).has_value());
}

TEST_CASE("words of a command are arguments, and no shell sees them") {
  const support::TempDirectory directory;
  const std::string program = (directory.path() / "get-pin").string();
  support::WriteFile(program, "#!/bin/sh\nprintf '%s|' $# \"$@\"\n", 0700);
  const auto got = hsm::ReadPin(Command({program, "$(id)", ";", "a  b"}));
  REQUIRE(got.has_value());
  CHECK_EQ(std::string(got->pin.c_str()), "3|$(id)|;|a  b|");
}

TEST_CASE("credentials of systemd") {
  const support::TempDirectory directory;
  const hsm::PinSource source{.kind = hsm::PinKind::kCredential, .file = "pin"};
  REQUIRE_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  const auto none = hsm::ReadPin(source);
  REQUIRE_FALSE(none.has_value());
  CHECK_NE(none.error().detail.find("LoadCredential="), std::string::npos);
  REQUIRE_EQ(::setenv("CREDENTIALS_DIRECTORY", directory.path().c_str(), 1), 0);
  CHECK_FALSE(hsm::ReadPin(source).has_value());
  support::WriteFile(directory.path() / "pin", "1234\n", 0400);
  const auto got = hsm::ReadPin(source);
  REQUIRE(got.has_value());
  CHECK_EQ(std::string(got->pin.c_str()), "1234");
  support::WriteFile(directory.path() / "pin", "1234\n", 0444);
  CHECK_FALSE(hsm::ReadPin(source).has_value());
  REQUIRE_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

TEST_CASE("a refused PIN is known again, wherever it comes from, and is not written down") {
  const support::TempDirectory directory;
  const std::string program = (directory.path() / "get-pin").string();
  const auto says = [&](const std::string& pin) {
    support::WriteFile(program, "#!/bin/sh\necho " + pin + "\n", 0700);
    auto got = hsm::ReadPin(Command({program}));
    REQUIRE(got.has_value());
    return *std::move(got);
  };
  const hsm::PinSource source = Command({program});
  const auto& state = directory.path();
  hsm::RememberRefusedPin(state, source, says("55512345").tried);
  const auto refused = hsm::RecallRefusedPin(state, source);
  REQUIRE(refused.has_value());
  CHECK(hsm::IsRefusedPin(*refused, says("55512345")));
  // One in 256 looks like it.
  int alike = 0;
  for (int i = 0; i < 64; ++i) {
    alike += hsm::IsRefusedPin(*refused, says(std::to_string(70000000 + i))) ? 1 : 0;
  }
  CHECK_LT(alike, 8);
  CHECK_EQ(refused->text.find("55512345"), std::string::npos);
  CHECK_EQ(refused->text.size(), std::string("mark  00").size() + 32);
  // Another source has a memory of its own, and what is forgotten is tried again.
  CHECK_FALSE(hsm::RecallRefusedPin(state, Command({program, "x"})).has_value());
  hsm::ForgetRefusedPin(state, source);
  CHECK_FALSE(hsm::RecallRefusedPin(state, source).has_value());
}

// An ACL as acl(5) has it for mode 0440: owner, entries, group, mask, others.
struct AclCase {
  const char* name;
  std::vector<posix_acl_xattr_entry> named;
  unsigned short group;
  bool want;
};
const AclCase kAcls[] = {
    {"as systemd hands over a credential", {{ACL_USER, ACL_READ, ::geteuid()}}, 0, true},
    {"another user, who may not", {{ACL_USER, 0, 12345}}, 0, true},
    {"another user", {{ACL_USER, ACL_READ, 12345}}, 0, false},
    {"us and another", {{ACL_USER, ACL_READ, ::geteuid()}, {ACL_USER, ACL_READ, 12345}}, 0, false},
    {"a group", {{ACL_GROUP, ACL_READ, 12345}}, 0, false},
    {"the file's group", {{ACL_USER, ACL_READ, ::geteuid()}}, ACL_READ, false},
};

bool SetAcl(const std::filesystem::path& file, const AclCase& acl) {
  std::vector<posix_acl_xattr_entry> entries = {{ACL_USER_OBJ, ACL_READ, ~0U}};
  const auto add = [&](unsigned short tag) {
    for (const auto& entry : acl.named) {
      if (entry.e_tag == tag) entries.push_back(entry);
    }
  };
  add(ACL_USER);
  entries.push_back({ACL_GROUP_OBJ, acl.group, ~0U});
  add(ACL_GROUP);
  entries.push_back({ACL_MASK, ACL_READ, ~0U});
  entries.push_back({ACL_OTHER, 0, ~0U});
  const posix_acl_xattr_header header{POSIX_ACL_XATTR_VERSION};
  std::string value(sizeof header + entries.size() * sizeof entries[0], '\0');
  std::memcpy(value.data(), &header, sizeof header);
  std::memcpy(value.data() + sizeof header, entries.data(), entries.size() * sizeof entries[0]);
  return ::setxattr(file.c_str(), "system.posix_acl_access", value.data(), value.size(), 0) == 0;
}

TEST_CASE("a PIN that an access control list gives to us alone is read") {
  const support::TempDirectory directory;
  const auto file = directory.path() / "pin";
  for (const AclCase& c : kAcls) {
    CAPTURE(c.name);
    support::WriteFile(file, "1234", 0400);
    if (!SetAcl(file, c)) {
      REQUIRE_EQ(errno, EOPNOTSUPP);
      MESSAGE("this file system knows no access control lists");
      return;
    }
    struct stat status {};
    REQUIRE_EQ(::stat(file.c_str(), &status), 0);
    REQUIRE_EQ(status.st_mode & 0777, 0440);
    CHECK_EQ(hsm::ReadPin(File(file)).has_value(), c.want);
  }
}

TEST_CASE("a PIN is wiped when it is moved from") {
  const support::TempDirectory directory;
  support::WriteFile(directory.path() / "pin", "1234");
  auto got = hsm::ReadPin(File(directory.path() / "pin"));
  REQUIRE(got.has_value());
  hsm::Pin taken = std::move(got->pin);
  CHECK_EQ(std::string(got->pin.c_str()), "");  // NOLINT(bugprone-use-after-move)
  CHECK_EQ(std::string(taken.c_str()), "1234");
  taken.Wipe();
  CHECK_EQ(std::string(taken.c_str()), "");
}

TEST_CASE("a refused PIN is blocked until its file changes") {
  const support::TempDirectory directory;
  const auto file = directory.path() / "pin";
  support::WriteFile(file, "wrong");
  hsm::LoginGate gate(File(file), directory.path());
  const auto turn = gate.Turn(std::chrono::milliseconds(1));
  REQUIRE(turn.owns_lock());
  CHECK_FALSE(gate.Blocked());
  gate.Refused(*hsm::LookAtPin(file));
  CHECK(gate.Blocked());
  support::WriteFile(file, "wrong");  // the same text, but someone wrote it
  CHECK_FALSE(gate.Blocked());
  gate.Refused(*hsm::LookAtPin(file));
  CHECK(gate.Blocked());
  std::filesystem::remove(file);
  CHECK_FALSE(gate.Blocked());
}

std::string Pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
  char passphrase[] = "p";
  REQUIRE_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, passphrase, cipher ? 1 : 0,
                                           nullptr, nullptr),
             1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

TEST_CASE("key files") {
  using hsm::FileKeyKind;
  const support::TempDirectory directory;
  const auto file = directory.path() / "key";
  const schema::OwnedKey ecdsa = support::MakeKey("P-256");
  const schema::OwnedKey ed25519 = support::MakeKey("Ed25519");
  const auto opens = [&](const std::string& text, int mode, FileKeyKind kind) {
    support::WriteFile(file, text, mode);
    const auto key = hsm::OpenFileKey(file, kind);
    if (!key) CHECK(key.error().Is(hsm::kKeyUnusable));
    return key.has_value();
  };
  CHECK(opens(Pem(ecdsa.get()), 0400, FileKeyKind::kEcdsaP256));
  CHECK(opens(Pem(ed25519.get()), 0600, FileKeyKind::kEd25519));
  CHECK_FALSE(opens(Pem(ecdsa.get()), 0440, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens(Pem(ecdsa.get()), 0400, FileKeyKind::kEd25519));
  CHECK_FALSE(opens(Pem(ed25519.get()), 0400, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens(Pem(support::MakeKey("P-384").get()), 0400, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens(Pem(support::MakeKey("RSA-2048").get()), 0400, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens(Pem(ecdsa.get(), EVP_aes_256_cbc()), 0400, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens("", 0400, FileKeyKind::kEcdsaP256));
  CHECK_FALSE(opens("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0400,
                    FileKeyKind::kEcdsaP256));
  std::filesystem::remove(file);
  CHECK_FALSE(hsm::OpenFileKey(file, FileKeyKind::kEcdsaP256).has_value());
}

TEST_CASE("key files sign") {
  const support::TempDirectory directory;
  const schema::BytesView message = schema::AsBytes("message");
  support::WriteFile(directory.path() / "ec", Pem(support::MakeKey("P-256").get()), 0400);
  const auto ecdsa = hsm::OpenFileKey(directory.path() / "ec", hsm::FileKeyKind::kEcdsaP256);
  REQUIRE(ecdsa.has_value());
  for (int i = 0; i < 3; ++i) {
    const auto signature = (*ecdsa)->Sign(message);
    REQUIRE(signature.has_value());
    CHECK(hsm::VerifyP256((*ecdsa)->spki(), message, signature->view()));
    CHECK_FALSE(hsm::VerifyP256((*ecdsa)->spki(), schema::AsBytes("other"), signature->view()));
  }
  support::WriteFile(directory.path() / "ed", Pem(support::MakeKey("Ed25519").get()), 0400);
  const auto note = hsm::OpenFileKey(directory.path() / "ed", hsm::FileKeyKind::kEd25519);
  REQUIRE(note.has_value());
  const schema::Bytes raw = hsm::RawEd25519((*note)->spki());
  const schema::OwnedKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  const auto signature = (*note)->Sign(message);
  REQUIRE(signature.has_value());
  REQUIRE_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  CHECK_EQ(EVP_DigestVerify(context.get(), signature->view().data(), signature->size(),
                            message.data(), message.size()),
           1);
}

}  // namespace
