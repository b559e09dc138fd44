#include "hsm/new_token.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "hsm/custody.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kLabelBytes = 32;  // CK_TOKEN_INFO

Error Failed(const char* call, CK_RV code) {
  return Error{&kKeyUnusable, std::string(call) + ": " + ReturnText(code)};
}

Result<CK_SLOT_ID> EmptySlot(const Module& module) {
  CK_ULONG count = 0;
  CK_RV code = module.calls().C_GetSlotList(CK_TRUE, nullptr, &count);
  if (code != CKR_OK) return Failed("C_GetSlotList", code);
  std::vector<CK_SLOT_ID> slots(count);
  code = module.calls().C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (code != CKR_OK) return Failed("C_GetSlotList", code);
  slots.resize(std::min<std::size_t>(count, slots.size()));
  for (const CK_SLOT_ID slot : slots) {
    TokenInfo info;
    if (module.ReadToken(slot, info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
      return slot;
    }
  }
  return Error{&kKeyUnusable, "the module has no token left to initialise"};
}

}  // namespace

Outcome MakeToken(const Module& module, std::string_view label, const Pin& pin) {
  TRY(const CK_SLOT_ID slot, EmptySlot(module));
  std::array<unsigned char, kLabelBytes> padded;
  padded.fill(' ');  // PKCS#11 2.40, 5.5: blank padded, no NUL
  if (label.size() > padded.size()) {
    return Error{&kKeyUnusable, "the token's label is longer than 32 octets"};
  }
  std::copy(label.begin(), label.end(), padded.begin());
  // C_InitToken takes its PIN without const and does not change it.
  auto* const text = reinterpret_cast<unsigned char*>(const_cast<char*>(pin.c_str()));
  CK_RV code = module.calls().C_InitToken(slot, text, std::strlen(pin.c_str()), padded.data());
  if (code != CKR_OK) return Failed("C_InitToken", code);
  Session session(module, slot);
  code = session.Open(CKF_RW_SESSION);
  if (code != CKR_OK) return Failed("C_OpenSession", code);
  code = session.Login(CKU_SO, pin);
  if (code != CKR_OK) return Failed("C_Login", code);
  code = session.SetUserPin(pin);
  if (code != CKR_OK) return Failed("C_InitPIN", code);
  return schema::Ok();
}

}  // namespace hsm
