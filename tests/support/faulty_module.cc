// A PKCS#11 module for tests: SoftHSM, with the faults that files in $FAULTY_DIR ask for.
//
//   logins             gets one octet for every C_Login of a user
//   login-error        C_Login: CKR_DEVICE_ERROR
//   final-try, locked  the token's PIN flags
//   sign-error         C_Sign: CKR_DEVICE_ERROR
//   sign-hang          C_Sign does not return
//   sign-slow          C_Sign takes 20 ms more
//   sign-wrong         a bit of the signature is flipped
//   sign-crash         C_Sign dies of SIGSEGV
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

CK_FUNCTION_LIST* softhsm = nullptr;
CK_FUNCTION_LIST faulty;

std::string File(const char* name) { return std::string(std::getenv("FAULTY_DIR")) + "/" + name; }
bool Asked(const char* name) { return ::access(File(name).c_str(), F_OK) == 0; }

CK_RV Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char* pin, CK_ULONG size) {
  const int fd = ::open(File("logins").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, "x", 1) != 1) std::abort();
  ::close(fd);
  if (Asked("login-error")) return CKR_DEVICE_ERROR;
  return softhsm->C_Login(session, user, pin, size);
}

CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV result = softhsm->C_GetTokenInfo(slot, info);
  if (result == CKR_OK && Asked("final-try")) info->flags |= CKF_USER_PIN_FINAL_TRY;
  if (result == CKR_OK && Asked("locked")) info->flags |= CKF_USER_PIN_LOCKED;
  return result;
}

CK_RV Sign(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG data_size,
           unsigned char* signature, CK_ULONG* size) {
  while (Asked("sign-hang")) ::usleep(10'000);
  if (Asked("sign-slow")) ::usleep(20'000);
  if (Asked("sign-crash")) ::raise(SIGSEGV);
  if (Asked("sign-error")) return CKR_DEVICE_ERROR;
  const CK_RV result = softhsm->C_Sign(session, data, data_size, signature, size);
  if (result == CKR_OK && signature != nullptr && Asked("sign-wrong")) signature[*size - 1] ^= 1;
  return result;
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  if (softhsm == nullptr) {
    void* module = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) return CKR_GENERAL_ERROR;
    const auto get =
        reinterpret_cast<CK_RV (*)(CK_FUNCTION_LIST**)>(::dlsym(module, "C_GetFunctionList"));
    if (get == nullptr || get(&softhsm) != CKR_OK) return CKR_GENERAL_ERROR;
    faulty = *softhsm;
    faulty.C_GetFunctionList = C_GetFunctionList;
    faulty.C_Login = Login;
    faulty.C_GetTokenInfo = GetTokenInfo;
    faulty.C_Sign = Sign;
  }
  *list = &faulty;
  return CKR_OK;
}
