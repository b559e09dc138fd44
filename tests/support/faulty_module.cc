// A PKCS#11 module for tests: the module that $FAULTY_MODULE names (SoftHSM when it names none),
// with the faults that files in $FAULTY_DIR ask for, or, when there is none, those in the directory
// that this module was loaded from: so two of them have faults of their own. A file's content is
// the fault's argument.
//
//   calls             out: a line for every call of the functions below
//   C_…               "CODE" or "CODE N" (0x30, 0x30 3): the function of that name returns CODE,
//                     while the file is there or for the next N calls of all processes
//   attempt           C_Sign first tries this (tests/support/attempts.cc), and leaves what came of
//                     it in `attempted`; attempt-at-start: C_Initialize does
//   latency           C_Sign takes so many milliseconds more
//   hang              C_Sign does not return while the file is there
//   crash             C_Sign dies of SIGSEGV
//   wrong-signature   a bit of the signature is flipped
//   drop-sessions     each process loses its sessions once for every new content
//   log-out           likewise its login
//   token-flags       CKF_ values or'ed to the flags of the token, "0x10000"
//   max-sessions      ulMaxSessionCount
//   mechanisms        all that C_GetMechanismList tells, "0x1041 0x1044"; CKM_ECDSA_SHA256 is made
//   of
//                     CKM_ECDSA where it is asked for
//   attributes        lines "TYPE VALUE": CK_BBOOL attributes of private keys, "0x162 1"; "0x162
//   -":
//                     the token has no such attribute
//   ec-point          CKA_EC_POINT of public keys, in hexadecimal
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/attempts.h"

namespace {

CK_FUNCTION_LIST* real = nullptr;
CK_FUNCTION_LIST faulty;

std::string Faults() {
  if (const char* directory = std::getenv("FAULTY_DIR")) return directory;
  Dl_info own{};
  if (::dladdr(&real, &own) == 0) std::abort();
  const std::string path = own.dli_fname;
  return path.substr(0, path.rfind('/'));
}

std::string File(const char* name) {
  static const std::string faults = Faults();
  return faults + "/" + name;
}
bool Asked(const char* name) { return ::access(File(name).c_str(), F_OK) == 0; }

std::optional<std::string> Argument(const char* name) {
  std::ifstream in(File(name));
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<unsigned long> Numbers(const std::string& text) {
  std::istringstream in(text);
  std::vector<unsigned long> numbers;
  for (std::string word; in >> word;) numbers.push_back(std::stoul(word, nullptr, 0));
  return numbers;
}

void Report(const std::string& call) {
  const int fd = ::open(File("calls").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string line = call + "\n";
  if (fd < 0 || ::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::abort();
  }
  ::close(fd);
}

// One of the N calls is used up; the lock is for other processes.
void UseUp(const char* name, unsigned long code) {
  const int fd = ::open(File(name).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX) != 0) return;
  const auto left = Numbers(Argument(name).value_or(""));
  if (left.size() == 2 && left[1] <= 1) ::unlink(File(name).c_str());
  if (left.size() == 2 && left[1] > 1) {
    std::ofstream(File(name)) << code << " " << left[1] - 1;
  }
  ::close(fd);
}

// The code that a file of the function's name asks for.
std::optional<CK_RV> Fault(const char* function) {
  Report(function);
  const auto text = Argument(function);
  if (!text) return std::nullopt;
  const auto numbers = Numbers(*text);
  if (numbers.empty()) return std::nullopt;  // used up between two looks
  if (numbers.size() == 2) UseUp(function, numbers[0]);
  return numbers[0];
}

// Whether the file says something new to this process.
class News {
 public:
  explicit News(const char* name) : name_(name), known_(Argument(name).value_or("")) {}
  bool Come() {
    std::string now = Argument(name_).value_or("");
    return std::exchange(known_, now) != now && !now.empty();
  }

 private:
  const char* name_;
  std::string known_;
};

void Lose(CK_SESSION_HANDLE session) {
  static News drop("drop-sessions"), log_out("log-out");
  CK_SESSION_INFO info{};
  if (drop.Come() && real->C_GetSessionInfo(session, &info) == CKR_OK) {
    real->C_CloseAllSessions(info.slotID);
  }
  if (log_out.Come()) real->C_Logout(session);
}

void Try(const char* file) {
  const auto name = Argument(file);
  if (name) std::ofstream(File("attempted")) << support::Attempt(*name);
}

CK_RV Initialize(void* arguments) {
  Try("attempt-at-start");
  if (const auto code = Fault("C_Initialize")) return *code;
  Lose(0);  // what was asked of earlier processes is known from now on
  return real->C_Initialize(arguments);
}

CK_RV GetSlotList(unsigned char present, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (const auto code = Fault("C_GetSlotList")) return *code;
  return real->C_GetSlotList(present, slots, count);
}

CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  if (const auto code = Fault("C_GetTokenInfo")) return *code;
  const CK_RV result = real->C_GetTokenInfo(slot, info);
  if (result != CKR_OK) return result;
  for (const auto flag : Numbers(Argument("token-flags").value_or(""))) info->flags |= flag;
  for (const auto most : Numbers(Argument("max-sessions").value_or(""))) {
    info->ulMaxSessionCount = most;
  }
  return result;
}

CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
  if (const auto code = Fault("C_GetMechanismList")) return *code;
  const auto told = Argument("mechanisms");
  if (!told) return real->C_GetMechanismList(slot, list, count);
  const auto numbers = Numbers(*told);
  if (list != nullptr && *count < numbers.size()) return CKR_BUFFER_TOO_SMALL;
  if (list != nullptr) std::ranges::copy(numbers, list);
  *count = numbers.size();
  return CKR_OK;
}

CK_RV OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* session) {
  if (const auto code = Fault("C_OpenSession")) return *code;
  return real->C_OpenSession(slot, flags, application, notify, session);
}

CK_RV CloseSession(CK_SESSION_HANDLE session) {
  if (const auto code = Fault("C_CloseSession")) return *code;
  return real->C_CloseSession(session);
}

CK_RV GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO* info) {
  if (const auto code = Fault("C_GetSessionInfo")) return *code;
  Lose(session);
  return real->C_GetSessionInfo(session, info);
}

CK_RV Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char* pin, CK_ULONG size) {
  if (const auto code = Fault("C_Login")) return *code;
  return real->C_Login(session, user, pin, size);
}

CK_RV FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* wanted, CK_ULONG count) {
  if (const auto code = Fault("C_FindObjectsInit")) return *code;
  return real->C_FindObjectsInit(session, wanted, count);
}

CK_OBJECT_CLASS ClassOf(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_OBJECT_CLASS kind = CKO_VENDOR_DEFINED;
  CK_ATTRIBUTE attribute{CKA_CLASS, &kind, sizeof kind};
  real->C_GetAttributeValue(session, object, &attribute, 1);
  return kind;
}

constexpr CK_ULONG kUnavailable = ~0UL;  // CK_UNAVAILABLE_INFORMATION

// The attribute as the lines of `attributes` want it.
CK_RV Override(const std::string& lines, CK_ATTRIBUTE& attribute) {
  std::istringstream in(lines);
  for (std::string type, value; in >> type >> value;) {
    if (std::stoul(type, nullptr, 0) != attribute.type) continue;
    if (value == "-") {
      attribute.ulValueLen = kUnavailable;
      return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    attribute.ulValueLen = 1;
    if (attribute.pValue != nullptr) *static_cast<CK_BBOOL*>(attribute.pValue) = value == "1";
    return CKR_OK;
  }
  return kUnavailable;  // nothing asked
}

std::vector<unsigned char> FromHex(const std::string& text) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<unsigned char>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

CK_RV GiveBytes(const std::vector<unsigned char>& bytes, CK_ATTRIBUTE& attribute) {
  const bool fits = attribute.pValue == nullptr || attribute.ulValueLen >= bytes.size();
  attribute.ulValueLen = fits ? bytes.size() : kUnavailable;
  if (!fits) return CKR_BUFFER_TOO_SMALL;
  if (attribute.pValue != nullptr) std::memcpy(attribute.pValue, bytes.data(), bytes.size());
  return CKR_OK;
}

CK_RV GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* asked,
                        CK_ULONG count) {
  if (const auto code = Fault("C_GetAttributeValue")) return *code;
  const auto lines = Argument("attributes");
  const auto point = Argument("ec-point");
  if (!lines && !point) return real->C_GetAttributeValue(session, object, asked, count);
  const CK_OBJECT_CLASS kind = ClassOf(session, object);
  CK_RV result = CKR_OK;
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_RV one = kUnavailable;
    if (lines && kind == CKO_PRIVATE_KEY) one = Override(*lines, asked[i]);
    if (point && kind == CKO_PUBLIC_KEY && asked[i].type == CKA_EC_POINT) {
      one = GiveBytes(FromHex(*point), asked[i]);
    }
    if (one == kUnavailable) one = real->C_GetAttributeValue(session, object, &asked[i], 1);
    if (one != CKR_OK) result = one;
  }
  return result;
}

bool hashing = false;  // what was asked for at C_SignInit; a process has one session that signs

CK_RV SignInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  if (const auto code = Fault("C_SignInit")) return *code;
  Lose(session);
  hashing = mechanism->mechanism == CKM_ECDSA_SHA256;
  CK_MECHANISM raw{hashing ? CKM_ECDSA : mechanism->mechanism, nullptr, 0};
  return real->C_SignInit(session, &raw, key);
}

CK_RV Sign(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG data_size,
           unsigned char* signature, CK_ULONG* size) {
  Try("attempt");
  while (Asked("hang")) ::usleep(10'000);
  for (const auto ms : Numbers(Argument("latency").value_or(""))) ::usleep(ms * 1000);
  if (Asked("crash")) ::raise(SIGSEGV);
  if (const auto code = Fault("C_Sign")) return *code;
  std::array<unsigned char, 32> digest{};
  if (hashing) {
    SHA256(data, data_size, digest.data());
    data = digest.data();
    data_size = digest.size();
  }
  const CK_RV result = real->C_Sign(session, data, data_size, signature, size);
  if (result == CKR_OK && signature != nullptr && Asked("wrong-signature")) {
    signature[*size - 1] ^= 1;
  }
  return result;
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  if (real == nullptr) {
    const char* name = std::getenv("FAULTY_MODULE");
    void* module =
        ::dlopen(name == nullptr ? "/usr/lib/softhsm/libsofthsm2.so" : name, RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) return CKR_GENERAL_ERROR;
    const auto get =
        reinterpret_cast<CK_RV (*)(CK_FUNCTION_LIST**)>(::dlsym(module, "C_GetFunctionList"));
    if (get == nullptr || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    faulty = *real;
    faulty.C_GetFunctionList = C_GetFunctionList;
    faulty.C_Initialize = Initialize;
    faulty.C_GetSlotList = GetSlotList;
    faulty.C_GetTokenInfo = GetTokenInfo;
    faulty.C_GetMechanismList = GetMechanismList;
    faulty.C_OpenSession = OpenSession;
    faulty.C_CloseSession = CloseSession;
    faulty.C_GetSessionInfo = GetSessionInfo;
    faulty.C_Login = Login;
    faulty.C_FindObjectsInit = FindObjectsInit;
    faulty.C_GetAttributeValue = GetAttributeValue;
    faulty.C_SignInit = SignInit;
    faulty.C_Sign = Sign;
  }
  *list = &faulty;
  return CKR_OK;
}
