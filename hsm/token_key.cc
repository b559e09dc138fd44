#include "hsm/token_key.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <optional>
#include <span>

#include "hsm/custody.h"
#include "hsm/digest.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

// libp11 0.4.12 crashes when a context that never loaded is unloaded (measured): two owners.
struct FreeOnly {
  void operator()(PKCS11_CTX* c) const noexcept { PKCS11_CTX_free(c); }
};
struct UnloadAndFree {
  void operator()(PKCS11_CTX* c) const noexcept {
    PKCS11_CTX_unload(c);
    PKCS11_CTX_free(c);
  }
};
using LoadedContext = std::unique_ptr<PKCS11_CTX, UnloadAndFree>;

Error Unusable(std::string why) { return Error{&kKeyUnusable, std::move(why)}; }

// The slot list, which has to be released before its context is unloaded.
class Slots {
 public:
  explicit Slots(PKCS11_CTX* context) : context_(context) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots() {
    if (slots_ != nullptr) PKCS11_release_all_slots(context_, slots_, count_);
  }
  Outcome Read() {
    if (PKCS11_enumerate_slots(context_, &slots_, &count_) != 0) {
      return Unusable("the module lists no slots: " + schema::OpensslError());
    }
    return schema::Ok();
  }
  std::span<PKCS11_SLOT> all() const { return {slots_, count_}; }

 private:
  PKCS11_CTX* context_;
  PKCS11_SLOT* slots_ = nullptr;
  unsigned count_ = 0;
};

std::string Text(const char* text) { return text == nullptr ? std::string() : std::string(text); }

bool Matches(const std::string& wanted, const char* found) {
  return wanted.empty() || wanted == Text(found);
}

bool Matches(const KeyUri& uri, const PKCS11_TOKEN& token) {
  return Matches(uri.token, token.label) && Matches(uri.serial, token.serialnr) &&
         Matches(uri.manufacturer, token.manufacturer) && Matches(uri.model, token.model);
}

Result<PKCS11_SLOT*> FindToken(const KeyUri& uri, const Slots& slots) {
  PKCS11_SLOT* found = nullptr;
  for (PKCS11_SLOT& slot : slots.all()) {
    if (slot.token == nullptr || slot.token->initialized == 0 || !Matches(uri, *slot.token))
      continue;
    if (found != nullptr) return Unusable("more than one token matches; add serial= to the URI");
    found = &slot;
  }
  if (found == nullptr) return Unusable("no token matches the URI (token=" + uri.token + ")");
  return found;
}

// The codes of C_Login that say something about the PIN; any other says that the device did not
// look at it.
bool SaysPinIsWrong(unsigned long code) {
  return code == CKR_PIN_INCORRECT || code == CKR_PIN_INVALID || code == CKR_PIN_LEN_RANGE ||
         code == CKR_PIN_EXPIRED || code == CKR_PIN_LOCKED || code == CKR_USER_PIN_NOT_INITIALIZED;
}

Outcome Login(const KeyUri& uri, PKCS11_SLOT* slot, LoginReport& report) {
  if (uri.pin_file.empty()) return schema::Ok();
  const PKCS11_TOKEN& token = *slot->token;
  if (token.userPinLocked != 0) return Unusable("the token says that its PIN is locked");
  if (token.userPinFinalTry != 0) {
    return Unusable("the token says that one try of the PIN is left; log in once by hand first");
  }
  TRY(const ReadPinResult pin, ReadPin(uri.pin_file));
  ERR_clear_error();
  if (PKCS11_login(slot, 0, pin.pin.c_str()) == 0) return schema::Ok();
  const unsigned long code = ERR_GET_REASON(ERR_peek_last_error());
  const std::string why = "login: " + schema::OpensslError();
  if (!SaysPinIsWrong(code)) return Unusable(why);
  report.tried = pin.source;
  return Error{&kPinRefused, why};
}

BytesView IdOf(const PKCS11_KEY& key) { return {key.id, key.id_len}; }

// The one key of `keys` with this label and id; an empty one is not asked for.
Result<PKCS11_KEY*> OnlyMatch(std::span<PKCS11_KEY> keys, const std::string& label, BytesView id,
                              const std::string& kind) {
  PKCS11_KEY* found = nullptr;
  for (PKCS11_KEY& key : keys) {
    if (!Matches(label, key.label) || (!id.empty() && !schema::Equal(id, IdOf(key)))) continue;
    if (found != nullptr) return Unusable("more than one " + kind + " matches; add id= to the URI");
    found = &key;
  }
  if (found == nullptr)
    return Unusable("the token has no " + kind + " that matches the URI (object=" + label + ")");
  return found;
}

Result<PKCS11_KEY*> FindPrivate(const KeyUri& uri, PKCS11_TOKEN* token) {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (PKCS11_enumerate_keys(token, &keys, &count) != 0) {
    return Unusable("private keys cannot be listed: " + schema::OpensslError());
  }
  return OnlyMatch({keys, count}, uri.object, uri.id,
                   uri.pin_file.empty() ? "private key (without a login)" : "private key");
}

// CKA_ID ties the two halves together (PKCS#11 2.40, 4.7); the label does where a token has no ids.
Result<PKCS11_KEY*> FindPublic(const PKCS11_KEY& key, PKCS11_TOKEN* token) {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (PKCS11_enumerate_public_keys(token, &keys, &count) != 0) {
    return Unusable("public keys cannot be listed: " + schema::OpensslError());
  }
  const std::string label = key.id_len == 0 ? Text(key.label) : std::string();
  return OnlyMatch({keys, count}, label, IdOf(key), "public key object");
}

// A key that wants its PIN again for each signature (CKA_ALWAYS_AUTHENTICATE) would otherwise make
// libp11 ask on the operator's terminal; a reader that fails makes it give up before any login.
UI_METHOD* SilentUi() {
  static const schema::Owned<UI_METHOD, UI_destroy_method> method(UI_create_method("none"));
  MUST(method != nullptr);
  UI_method_set_reader(method.get(), [](UI*, UI_STRING*) { return -1; });
  return method.get();
}

class TokenKey final : public SigningKey {
 public:
  TokenKey(LoadedContext context, std::unique_ptr<Slots> slots)
      : context_(std::move(context)), slots_(std::move(slots)) {}

  Outcome Open(const KeyUri& uri, LoginReport& report) {
    TRY(PKCS11_SLOT* const slot, FindToken(uri, *slots_));
    token_ = Text(slot->token->label) + " (" + Text(slot->token->serialnr) + ", " +
             Text(slot->token->manufacturer) + ")";
    serial_ = Text(slot->token->serialnr);
    TRY(Login(uri, slot, report));
    TRY(PKCS11_KEY* const private_key, FindPrivate(uri, slot->token));
    TRY(PKCS11_KEY* const public_key, FindPublic(*private_key, slot->token));
    const schema::OwnedKey public_half(PKCS11_get_public_key(public_key));
    if (public_half == nullptr) return Unusable("public key: " + schema::OpensslError());
    TRY(spki_, P256Spki(public_half.get()));
    key_.reset(PKCS11_get_private_key(private_key));
    if (key_ == nullptr) return Unusable("private key: " + schema::OpensslError());
    context_of_key_.reset(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (context_of_key_ == nullptr || EVP_PKEY_sign_init(context_of_key_.get()) != 1) {
      return Unusable("private key: " + schema::OpensslError());
    }
    return schema::Ok();
  }

  Result<schema::Signature> Sign(BytesView message) override {
    const schema::Hash digest = Sha256Of(message);
    Bytes signature(kP256SignatureBytesMax);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context_of_key_.get(), signature.data(), &size, digest.data(),
                      digest.size()) != 1) {
      return Error{&kDeviceFailed, schema::OpensslError()};
    }
    signature.resize(size);
    return schema::Signature(std::move(signature));
  }

  const schema::SpkiDer& spki() const override { return spki_; }
  std::string token() const override { return token_; }
  std::string token_serial() const override { return serial_; }

 private:
  // Destroyed last to first: keys, slots, context, as libp11 wants it.
  LoadedContext context_;
  std::unique_ptr<Slots> slots_;
  schema::OwnedKey key_;
  schema::OwnedKeyContext context_of_key_;
  schema::SpkiDer spki_;
  std::string token_, serial_;
};

}  // namespace

Result<std::unique_ptr<SigningKey>> OpenTokenKey(const KeyUri& uri, LoginReport& report) {
  std::unique_ptr<PKCS11_CTX, FreeOnly> fresh(PKCS11_CTX_new());
  MUST(fresh != nullptr);
  PKCS11_set_ui_method(fresh.get(), SilentUi(), nullptr);
  if (PKCS11_CTX_load(fresh.get(), uri.module.c_str()) != 0) {
    return Unusable("module " + uri.module.string() + ": " + schema::OpensslError());
  }
  LoadedContext context(fresh.release());
  auto slots = std::make_unique<Slots>(context.get());
  TRY(slots->Read());
  auto key = std::make_unique<TokenKey>(std::move(context), std::move(slots));
  TRY(key->Open(uri, report));
  return std::unique_ptr<SigningKey>(std::move(key));
}

}  // namespace hsm
