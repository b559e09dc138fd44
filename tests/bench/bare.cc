// The bare limit: what the cryptography of one issuance costs, and nothing else. Prints one JSON
// object, in microseconds of one core.
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>

#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/base/openssl.h"
#include "tests/bench/work.h"

namespace {

using schema::Bytes;

// CPU time of this thread, so that a busy neighbour costs the server's side only.
double Microseconds() {
  timespec now{};
  MUST(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The median of five runs.
double Cost(const std::function<void()>& work, double run_microseconds) {
  for (int i = 0; i < 20; ++i) work();
  std::array<double, 5> costs{};
  for (double& cost : costs) {
    const double begin = Microseconds();
    double now = begin;
    int count = 0;
    for (; now - begin < run_microseconds; now = Microseconds()) {
      for (int i = 0; i < 10; ++i) work();
      count += 10;
    }
    cost = (now - begin) / count;
  }
  std::ranges::sort(costs);
  return costs[2];
}

// A key and what it signed, with contexts that are set up once.
class Signer {
 public:
  explicit Signer(schema::OwnedKey key) : key_(std::move(key)) {
    sign_.reset(EVP_PKEY_CTX_new(key_.get(), nullptr));
    verify_.reset(EVP_PKEY_CTX_new(key_.get(), nullptr));
    MUST(EVP_PKEY_sign_init(sign_.get()) == 1 && EVP_PKEY_verify_init(verify_.get()) == 1);
    for (const auto& context : {sign_.get(), verify_.get()}) {
      if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
        MUST(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
      }
      MUST(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1);
    }
    Sign();
  }
  void Sign() {
    std::size_t size = signature_.size();
    MUST(EVP_PKEY_sign(sign_.get(), signature_.data(), &size, digest_.data(), digest_.size()) == 1);
    size_ = size;
  }
  void Verify() {
    MUST(EVP_PKEY_verify(verify_.get(), signature_.data(), size_, digest_.data(), digest_.size()) ==
         1);
  }

 private:
  schema::OwnedKey key_;
  schema::OwnedKeyContext sign_, verify_;
  std::array<unsigned char, 32> digest_{1, 2, 3};
  std::array<unsigned char, 512> signature_{};
  std::size_t size_ = 0;
};

Bytes RandomPoint() {
  const schema::OwnedKey key(EVP_EC_gen("P-256"));
  Bytes point(65);
  std::size_t size = 0;
  MUST(EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(),
                                       point.size(), &size) == 1);
  MUST(size == point.size());
  return point;
}

// EVP_PKEY_fromdata, which checks that the point is on the curve.
class KeyMaker {
 public:
  void Make() {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group_.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point_.data(), point_.size()),
        OSSL_PARAM_construct_end()};
    EVP_PKEY* key = nullptr;
    MUST(EVP_PKEY_fromdata_init(context_.get()) == 1);
    MUST(EVP_PKEY_fromdata(context_.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
    EVP_PKEY_free(key);
  }

 private:
  std::string group_ = "prime256v1";
  Bytes point_ = RandomPoint();
  schema::OwnedKeyContext context_{EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};
};

// SoftHSM through PKCS#11 itself, in this process.
class Token {
 public:
  explicit Token(const std::string& state) {
    MUST(::setenv("SOFTHSM2_CONF", (state + "/softhsm2.conf").c_str(), 1) == 0);
    void* const module = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
    MUST(module != nullptr);
    const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module, "C_GetFunctionList"));
    MUST(list != nullptr && list(&call_) == CKR_OK);
    MUST(call_->C_Initialize(nullptr) == CKR_OK);
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    MUST(call_->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count > 0);
    MUST(call_->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &session_) == CKR_OK);
    std::string pin = *schema::ReadFile(state + "/pin");
    pin.erase(pin.find_last_not_of("\r\n") + 1);
    MUST(call_->C_Login(session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()),
                        pin.size()) == CKR_OK);
    FindKey();
  }
  void Sign() {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    CK_ULONG size = signature_.size();
    MUST(call_->C_SignInit(session_, &mechanism, key_) == CKR_OK);
    MUST(call_->C_Sign(session_, digest_.data(), digest_.size(), signature_.data(), &size) ==
         CKR_OK);
  }

 private:
  void FindKey() {
    CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
    std::string label = "ca";
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &kind, sizeof(kind)},
                             {CKA_LABEL, label.data(), label.size()}};
    CK_ULONG found = 0;
    MUST(call_->C_FindObjectsInit(session_, wanted, 2) == CKR_OK);
    MUST(call_->C_FindObjects(session_, &key_, 1, &found) == CKR_OK && found == 1);
    MUST(call_->C_FindObjectsFinal(session_) == CKR_OK);
  }

  CK_FUNCTION_LIST* call_ = nullptr;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
  std::array<unsigned char, 32> digest_{1, 2, 3};
  std::array<unsigned char, 64> signature_{};
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The bare limit of one issuance; see tests/bench/README.md");
  std::string state;
  double seconds = 0.3;
  app.add_option("--state", state, "directory of make_state.py")->required();
  app.add_option("--seconds", seconds, "of each of five runs of each operation");
  CLI11_PARSE(app, argc, argv);

  Signer rsa(schema::OwnedKey(EVP_RSA_gen(2048)));
  Signer ecdsa(schema::OwnedKey(EVP_EC_gen("P-256")));
  KeyMaker maker;
  Token token(state);
  const std::string payload =
      bench::Claims({.issuer = "http://127.0.0.1:8970/github", .address = ""}, "0123456789abcdef");
  const std::string body = bench::Body();
  const auto cost = [&](const std::function<void()>& work) { return Cost(work, seconds * 1e6); };

  schema::Json out = {
      {"rsa_verify", cost([&] { rsa.Verify(); })},
      {"p256_verify", cost([&] { ecdsa.Verify(); })},
      {"key_from_point", cost([&] { maker.Make(); })},
      {"json_parses", cost([&] { MUST(schema::Json::parse(payload).is_object()); }) +
                          cost([&] { MUST(schema::Json::parse(body).is_object()); })},
      {"p256_sign", cost([&] { ecdsa.Sign(); })},
      {"softhsm_sign", cost([&] { token.Sign(); })},
  };
  const auto of = [&](const char* name) { return out[name].get<double>(); };
  // The proof and the self-check; the certificate and its precertificate.
  const double sum = of("rsa_verify") + 2 * of("p256_verify") + of("key_from_point") +
                     of("json_parses") + of("p256_sign") + 2 * of("softhsm_sign");
  out["issuance"] = sum;
  out["limit_per_second"] = 2e6 / sum;
  std::puts(out.dump().c_str());
  return 0;
}
