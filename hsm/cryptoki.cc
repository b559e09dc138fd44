#include "hsm/cryptoki.h"

#include <dlfcn.h>
#include <libp11.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "hsm/custody.h"
#include "hsm/token_field.h"
#include "schema/base/openssl.h"

// libp11 0.4.12 does not free all that it read of slots; the end of the process does. Asked for by
// the leak sanitizer, where there is one. NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libp11\nleak:CRYPTO_strdup\n"; }

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;

namespace {

struct Name {
  unsigned long code;
  const char* name;
};

#define HSM_NAME(code) \
  { code, #code }
constexpr Name kReturns[] = {
    HSM_NAME(CKR_OK),
    HSM_NAME(CKR_HOST_MEMORY),
    HSM_NAME(CKR_SLOT_ID_INVALID),
    HSM_NAME(CKR_GENERAL_ERROR),
    HSM_NAME(CKR_FUNCTION_FAILED),
    HSM_NAME(CKR_ARGUMENTS_BAD),
    HSM_NAME(CKR_ATTRIBUTE_SENSITIVE),
    HSM_NAME(CKR_ATTRIBUTE_TYPE_INVALID),
    HSM_NAME(CKR_DATA_LEN_RANGE),
    HSM_NAME(CKR_DEVICE_ERROR),
    HSM_NAME(CKR_DEVICE_MEMORY),
    HSM_NAME(CKR_DEVICE_REMOVED),
    HSM_NAME(CKR_FUNCTION_CANCELED),
    HSM_NAME(CKR_FUNCTION_NOT_SUPPORTED),
    HSM_NAME(CKR_KEY_HANDLE_INVALID),
    HSM_NAME(CKR_KEY_TYPE_INCONSISTENT),
    HSM_NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
    HSM_NAME(CKR_MECHANISM_INVALID),
    HSM_NAME(CKR_MECHANISM_PARAM_INVALID),
    HSM_NAME(CKR_OBJECT_HANDLE_INVALID),
    HSM_NAME(CKR_OPERATION_ACTIVE),
    HSM_NAME(CKR_OPERATION_NOT_INITIALIZED),
    HSM_NAME(CKR_PIN_INCORRECT),
    HSM_NAME(CKR_PIN_INVALID),
    HSM_NAME(CKR_PIN_LEN_RANGE),
    HSM_NAME(CKR_PIN_EXPIRED),
    HSM_NAME(CKR_PIN_LOCKED),
    HSM_NAME(CKR_SESSION_CLOSED),
    HSM_NAME(CKR_SESSION_COUNT),
    HSM_NAME(CKR_SESSION_HANDLE_INVALID),
    HSM_NAME(CKR_TOKEN_NOT_PRESENT),
    HSM_NAME(CKR_TOKEN_NOT_RECOGNIZED),
    HSM_NAME(CKR_USER_ALREADY_LOGGED_IN),
    HSM_NAME(CKR_USER_NOT_LOGGED_IN),
    HSM_NAME(CKR_USER_PIN_NOT_INITIALIZED),
    HSM_NAME(CKR_USER_TYPE_INVALID),
    HSM_NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    HSM_NAME(CKR_USER_TOO_MANY_TYPES),
    HSM_NAME(CKR_BUFFER_TOO_SMALL),
    HSM_NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
    HSM_NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
};
constexpr Name kMechanisms[] = {
    HSM_NAME(CKM_ECDSA),        HSM_NAME(CKM_ECDSA_SHA256),    HSM_NAME(CKM_ECDSA_SHA384),
    HSM_NAME(CKM_ECDSA_SHA512), HSM_NAME(CKM_EC_KEY_PAIR_GEN), HSM_NAME(CKM_RSA_PKCS),
};
#undef HSM_NAME

std::string Hexadecimal(unsigned long code) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%lx", code);
  return text.data();
}

const char* NameOf(std::span<const Name> names, unsigned long code) {
  const auto at = std::ranges::find(names, code, &Name::code);
  return at == names.end() ? nullptr : at->name;
}

Error Unusable(std::string why) { return Error{&kKeyUnusable, std::move(why)}; }

}  // namespace

std::string ReturnText(CK_RV code) {
  const char* name = NameOf(kReturns, code);
  if (name != nullptr) return std::string(name) + " (" + Hexadecimal(code) + ")";
  return (code >= CKR_VENDOR_DEFINED ? "vendor code " : "code ") + Hexadecimal(code);
}

std::string MechanismText(CK_MECHANISM_TYPE mechanism) {
  const char* name = NameOf(kMechanisms, mechanism);
  return name != nullptr ? name : Hexadecimal(mechanism);
}

bool SaysSessionIsLost(CK_RV code) {
  constexpr CK_RV kLost[] = {
      CKR_DEVICE_ERROR,          CKR_DEVICE_REMOVED,     CKR_KEY_HANDLE_INVALID,
      CKR_OBJECT_HANDLE_INVALID, CKR_SESSION_CLOSED,     CKR_SESSION_HANDLE_INVALID,
      CKR_TOKEN_NOT_PRESENT,     CKR_USER_NOT_LOGGED_IN, CKR_TOKEN_NOT_RECOGNIZED};
  return std::ranges::find(kLost, code) != std::end(kLost);
}

bool SaysPinIsWrong(CK_RV code) {
  constexpr CK_RV kWrong[] = {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
                              CKR_PIN_EXPIRED,   CKR_PIN_LOCKED,  CKR_USER_PIN_NOT_INITIALIZED};
  return std::ranges::find(kWrong, code) != std::end(kWrong);
}

std::string TokenInfo::Text() const { return label + " (" + serial + ", " + manufacturer + ")"; }

Result<std::unique_ptr<Module>> Module::Load(const std::filesystem::path& file) {
  std::unique_ptr<Module> module(new Module);
  module->file_ = file;
  // Ours comes first for the linker's reason, which libp11 does not tell; both get one library.
  module->library_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module->library_ == nullptr) {
    const char* why = ::dlerror();
    return Unusable(why == nullptr ? "cannot be loaded" : why);
  }
  const auto get =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module->library_, "C_GetFunctionList"));
  if (get == nullptr) return Unusable("not a PKCS#11 module: it has no C_GetFunctionList");
  const CK_RV code = get(&module->calls_);
  if (code != CKR_OK || module->calls_ == nullptr) {
    return Unusable("C_GetFunctionList: " + ReturnText(code));
  }
  // libp11 0.4.12 crashes when a context that never loaded is unloaded (measured).
  PKCS11_CTX* const context = PKCS11_CTX_new();
  MUST(context != nullptr);
  if (PKCS11_CTX_load(context, file.c_str()) != 0) {
    PKCS11_CTX_free(context);
    return Unusable("C_Initialize: " + schema::OpensslError());
  }
  module->context_ = context;
  return module;
}

Module::~Module() {
  if (context_ != nullptr) {
    PKCS11_CTX_unload(context_);
    PKCS11_CTX_free(context_);
  }
  if (library_ != nullptr) ::dlclose(library_);
}

Result<std::vector<TokenInfo>> Module::Tokens() const {
  PKCS11_SLOT* slots = nullptr;
  unsigned count = 0;
  if (PKCS11_enumerate_slots(context_, &slots, &count) != 0) {
    return Unusable("the module lists no slots: " + schema::OpensslError());
  }
  std::vector<CK_SLOT_ID> present;
  for (PKCS11_SLOT& slot : std::span(slots, count)) {
    const bool usable = slot.token != nullptr && slot.token->initialized != 0;
    if (usable) present.push_back(PKCS11_get_slotid_from_slot(&slot));
  }
  PKCS11_release_all_slots(context_, slots, count);
  std::vector<TokenInfo> tokens;
  for (const CK_SLOT_ID slot : present) {
    TokenInfo info;
    if (ReadToken(slot, info) == CKR_OK) tokens.push_back(std::move(info));
  }
  return tokens;
}

CK_RV Module::ReadToken(CK_SLOT_ID slot, TokenInfo& out) const {
  CK_TOKEN_INFO info{};
  const CK_RV code = calls_->C_GetTokenInfo(slot, &info);
  if (code != CKR_OK) return code;
  const auto most = info.ulMaxSessionCount;
  out = {
      slot,
      TokenField(info.label),
      TokenField(info.serialNumber),
      TokenField(info.manufacturerID),
      TokenField(info.model),
      std::to_string(info.firmwareVersion.major) + "." + std::to_string(info.firmwareVersion.minor),
      info.flags,
      most == CK_UNAVAILABLE_INFORMATION || most == CK_EFFECTIVELY_INFINITE ? 0 : most};
  return CKR_OK;
}

std::vector<CK_MECHANISM_TYPE> Module::Mechanisms(CK_SLOT_ID slot) const {
  CK_ULONG count = 0;
  if (calls_->C_GetMechanismList(slot, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_MECHANISM_TYPE> list(count);
  if (calls_->C_GetMechanismList(slot, list.data(), &count) != CKR_OK) return {};
  list.resize(std::min<std::size_t>(count, list.size()));
  return list;
}

Result<const Module*> Modules::Get(const std::filesystem::path& file) {
  auto& module = modules_[file];
  if (module == nullptr) {
    TRY(module, Module::Load(file));
  }
  return module.get();
}

CK_RV Session::Open(CK_FLAGS more) {
  return module_->calls().C_OpenSession(slot_, CKF_SERIAL_SESSION | more, nullptr, nullptr,
                                        &handle_);
}

void Session::Close() {
  if (handle_ != CK_INVALID_HANDLE) module_->calls().C_CloseSession(handle_);
  handle_ = CK_INVALID_HANDLE;
}

CK_RV Session::State(CK_STATE& state) const {
  CK_SESSION_INFO info{};
  const CK_RV code = module_->calls().C_GetSessionInfo(handle_, &info);
  state = info.state;
  return code;
}

CK_RV Session::Login(CK_USER_TYPE user, const Pin& pin) const {
  // C_Login takes its PIN without const and does not change it.
  auto* const text = reinterpret_cast<unsigned char*>(const_cast<char*>(pin.c_str()));
  const CK_RV code = module_->calls().C_Login(handle_, user, text, std::strlen(pin.c_str()));
  return code == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : code;
}

CK_RV Session::SetUserPin(const Pin& pin) const {
  auto* const text = reinterpret_cast<unsigned char*>(const_cast<char*>(pin.c_str()));
  return module_->calls().C_InitPIN(handle_, text, std::strlen(pin.c_str()));
}

CK_RV Session::Find(std::span<CK_ATTRIBUTE> wanted, std::size_t most,
                    std::vector<CK_OBJECT_HANDLE>& found) const {
  CK_FUNCTION_LIST& calls = module_->calls();
  CK_RV code = calls.C_FindObjectsInit(handle_, wanted.data(), wanted.size());
  if (code != CKR_OK) return code;
  found.assign(most, CK_INVALID_HANDLE);
  std::size_t have = 0;
  // Some modules give one object a call.
  for (CK_ULONG got = 1; code == CKR_OK && got > 0 && have < most; have += got) {
    got = 0;
    code = calls.C_FindObjects(handle_, found.data() + have, most - have, &got);
  }
  found.resize(have);
  calls.C_FindObjectsFinal(handle_);
  return code;
}

std::optional<Bytes> Session::Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  constexpr std::size_t kBytesMax = 64 * 1024;
  CK_FUNCTION_LIST& calls = module_->calls();
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  if (calls.C_GetAttributeValue(handle_, object, &attribute, 1) != CKR_OK) return std::nullopt;
  if (attribute.ulValueLen > kBytesMax) return std::nullopt;  // CK_UNAVAILABLE_INFORMATION too
  Bytes value(attribute.ulValueLen);
  attribute.pValue = value.data();
  if (calls.C_GetAttributeValue(handle_, object, &attribute, 1) != CKR_OK) return std::nullopt;
  value.resize(std::min<std::size_t>(attribute.ulValueLen, value.size()));
  return value;
}

std::optional<bool> Session::ReadBool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  const auto value = Read(object, type);
  if (!value || value->size() != sizeof(CK_BBOOL)) return std::nullopt;
  return value->front() != CK_FALSE;
}

std::optional<CK_ULONG> Session::ReadNumber(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  const auto value = Read(object, type);
  if (!value || value->size() != sizeof(CK_ULONG)) return std::nullopt;
  CK_ULONG number = 0;
  std::memcpy(&number, value->data(), sizeof number);
  return number;
}

CK_RV Session::SignInit(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key) const {
  CK_MECHANISM wanted{mechanism, nullptr, 0};
  return module_->calls().C_SignInit(handle_, &wanted, key);
}

CK_RV Session::GenerateKeyPair(CK_MECHANISM_TYPE mechanism, std::span<CK_ATTRIBUTE> public_half,
                               std::span<CK_ATTRIBUTE> private_half) const {
  CK_MECHANISM wanted{mechanism, nullptr, 0};
  CK_OBJECT_HANDLE made_public = CK_INVALID_HANDLE, made_private = CK_INVALID_HANDLE;
  return module_->calls().C_GenerateKeyPair(handle_, &wanted, public_half.data(),
                                            public_half.size(), private_half.data(),
                                            private_half.size(), &made_public, &made_private);
}

CK_RV Session::Sign(BytesView data, Bytes& signature) const {
  // C_Sign takes its input without const and does not change it.
  auto* const bytes = const_cast<unsigned char*>(data.data());
  CK_ULONG size = signature.size();
  const CK_RV code = module_->calls().C_Sign(handle_, bytes, data.size(), signature.data(), &size);
  signature.resize(std::min<std::size_t>(size, signature.size()));
  return code;
}

}  // namespace hsm
