// PKCS#11 (v2.40) as signers and `chancery hsm` need it. libp11 loads modules and finds slots; the
// rest is called on the module itself, because libp11 0.4.12 neither reads attributes nor heals
// after a lost session, and keeps PINs. In processes of their own only, one thread each.
#pragma once

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsm/pin.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

struct PKCS11_ctx_st;

namespace hsm {

std::string ReturnText(CK_RV code);                      // "CKR_PIN_INCORRECT (0xa0)"
std::string MechanismText(CK_MECHANISM_TYPE mechanism);  // "CKM_ECDSA", "0x1050"

// The session, the login or the device is gone, and a new session may find it again; not for what
// only a new process can mend, such as CKR_CRYPTOKI_NOT_INITIALIZED.
bool SaysSessionIsLost(CK_RV code);
// The codes of C_Login that say something about the PIN; any other says that nobody looked at it.
bool SaysPinIsWrong(CK_RV code);

// CK_TOKEN_INFO, its texts without their blanks.
struct TokenInfo {
  CK_SLOT_ID slot = 0;
  std::string label, serial, manufacturer, model, firmware;
  CK_FLAGS flags = 0;
  unsigned long sessions_max = 0;  // 0: no limit, or the token does not say

  std::string Text() const;  // "label (serial, manufacturer)"
};

class Module {
 public:
  // kKeyUnusable, with the dynamic linker's reason or the code of C_Initialize.
  static schema::Result<std::unique_ptr<Module>> Load(const std::filesystem::path& file);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  ~Module();  // C_Finalize

  const std::filesystem::path& file() const { return file_; }
  CK_FUNCTION_LIST& calls() const { return *calls_; }
  // Initialised tokens. Closes all sessions (libp11), so ask before opening any.
  schema::Result<std::vector<TokenInfo>> Tokens() const;
  CK_RV ReadToken(CK_SLOT_ID slot, TokenInfo& info) const;
  // Empty when the token does not tell.
  std::vector<CK_MECHANISM_TYPE> Mechanisms(CK_SLOT_ID slot) const;

 private:
  Module() = default;
  std::filesystem::path file_;
  void* library_ = nullptr;
  CK_FUNCTION_LIST* calls_ = nullptr;
  PKCS11_ctx_st* context_ = nullptr;
};

// The modules of a process, each loaded once: a module that is loaded again after C_Finalize is a
// risk that no vendor tests.
class Modules {
 public:
  schema::Result<const Module*> Get(const std::filesystem::path& file);

 private:
  std::map<std::filesystem::path, std::unique_ptr<Module>> modules_;
};

// One session, closed when it dies.
class Session {
 public:
  Session(const Module& module, CK_SLOT_ID slot) : module_(&module), slot_(slot) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { Close(); }

  // `more`: CKF_RW_SESSION, to make keys.
  CK_RV Open(CK_FLAGS more = 0);
  void Close();
  CK_RV State(CK_STATE& state) const;
  // CKU_USER, or CKU_CONTEXT_SPECIFIC between C_SignInit and C_Sign. CKR_USER_ALREADY_LOGGED_IN is
  // CKR_OK.
  CK_RV Login(CK_USER_TYPE user, const Pin& pin) const;
  // C_InitPIN, by the security officer (CKU_SO).
  CK_RV SetUserPin(const Pin& pin) const;
  // At most `most` objects with these attributes.
  CK_RV Find(std::span<CK_ATTRIBUTE> wanted, std::size_t most,
             std::vector<CK_OBJECT_HANDLE>& found) const;
  // Nothing when the object has no such attribute or does not show it.
  std::optional<schema::Bytes> Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;
  std::optional<bool> ReadBool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;
  std::optional<CK_ULONG> ReadNumber(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;
  CK_RV SignInit(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key) const;
  CK_RV GenerateKeyPair(CK_MECHANISM_TYPE mechanism, std::span<CK_ATTRIBUTE> public_half,
                        std::span<CK_ATTRIBUTE> private_half) const;
  CK_RV Sign(schema::BytesView data, schema::Bytes& signature) const;

  const Module& module() const { return *module_; }
  CK_SLOT_ID slot() const { return slot_; }

 private:
  const Module* module_;
  CK_SLOT_ID slot_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

}  // namespace hsm
