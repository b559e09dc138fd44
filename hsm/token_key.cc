#include "hsm/token_key.h"

#include <openssl/ecdsa.h>

#include <algorithm>
#include <array>
#include <optional>

#include "hsm/custody.h"
#include "hsm/digest.h"
#include "hsm/key_rules.h"
#include "hsm/point.h"
#include "schema/base/json.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

bool Matches(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

bool Matches(const KeyUri& uri, const TokenInfo& token) {
  return Matches(uri.token, token.label) && Matches(uri.serial, token.serial) &&
         Matches(uri.manufacturer, token.manufacturer) && Matches(uri.model, token.model);
}

// What the URI asks for, as the operator wrote it.
std::string Asked(const KeyUri& uri) {
  std::string text;
  const auto add = [&text](const char* name, const std::string& value) {
    if (!value.empty()) text += (text.empty() ? "" : ";") + std::string(name) + "=" + value;
  };
  add("token", uri.token);
  add("serial", uri.serial);
  add("object", uri.object);
  add("id", schema::Hex(uri.id));
  return text;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

std::string KeyTypeText(std::optional<CK_ULONG> type) {
  if (!type) return "of no known type";
  if (*type == CKK_RSA) return "CKK_RSA";
  if (*type == CKK_EC) return "CKK_EC";
  return "of type " + std::to_string(*type);
}

// One object of a class, by label and id; an empty one is not asked for.
struct Wanted {
  CK_OBJECT_CLASS kind;
  std::string label;
  Bytes id;
  std::string name;    // for messages
  std::string remedy;  // when there is none
};

constexpr const char* kLookAgain = "`chancery hsm list --config FILE --login` shows what it has";
constexpr const char* kNoLogin = "private keys show after a login: add pin-source= to the URI";

Result<CK_OBJECT_HANDLE> FindOnly(const Session& session, const Wanted& wanted, Opening& opening) {
  CK_OBJECT_CLASS kind = wanted.kind;
  std::string label = wanted.label;
  Bytes id = wanted.id;
  std::vector<CK_ATTRIBUTE> attributes = {{CKA_CLASS, &kind, sizeof kind}};
  if (!label.empty()) attributes.push_back({CKA_LABEL, label.data(), label.size()});
  if (!id.empty()) attributes.push_back({CKA_ID, id.data(), id.size()});
  std::vector<CK_OBJECT_HANDLE> found;
  const CK_RV code = session.Find(attributes, 2, found);
  if (code != CKR_OK) {
    return opening.Failed(Step::kKey, "keys cannot be searched: " + ReturnText(code), "");
  }
  if (found.size() > 1) {
    return opening.Failed(Step::kKey, "more than one " + wanted.name + " matches",
                          "add id= to the URI, or give the keys labels of their own");
  }
  if (found.empty()) {
    return opening.Failed(Step::kKey,
                          "the token has no " + wanted.name + " that matches (object=" + label +
                              (id.empty() ? "" : ";id=" + schema::Hex(id)) + ")",
                          wanted.remedy);
  }
  return found.front();
}

// What the token says of its PIN before anyone tries it. `changed`: the PIN it refused was ours,
// and its source has another since.
Outcome CheckPinFlags(CK_FLAGS flags, bool changed, Opening& opening) {
  if ((flags & CKF_USER_PIN_LOCKED) != 0) {
    return opening.Failed(Step::kPin, "the token says that its PIN is locked",
                          "the security officer has to set it anew");
  }
  if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return opening.Failed(Step::kPin, "the token says that one try of the PIN is left",
                          "log in once by hand, which gives the token its tries back");
  }
  if ((flags & CKF_USER_PIN_COUNT_LOW) != 0 && !changed) {
    return opening.Failed(Step::kPin, "the token says that someone entered a wrong PIN",
                          "make sure that the pin-source has the right one and log in once "
                          "by hand, which clears this");
  }
  return schema::Ok();
}

Error Refused(const KeyUri& uri, const std::string& reason, Opening& opening) {
  return opening.Failed(Step::kLogin, reason, uri.pin.Remedy(), kPinRefused);
}

// A PIN that cannot even be read.
const char* PinRemedy(const PinSource& source) {
  const bool file = source.kind == PinKind::kFile;
  return file ? "the PIN belongs into that file, mode 0400, of the user that signers run as" : "";
}

// The one place where a PIN is read and given away.
Outcome LogInAs(CK_USER_TYPE user, const KeyUri& uri, const KeyTerms& terms, CK_FLAGS flags,
                const Session& session, Opening& opening, LoginReport& report) {
  const Descriptor turn = TakePinTurn(terms.state, uri.pin);
  auto pin = ReadPin(uri.pin, terms.entered_pin);
  if (!pin) return opening.Failed(Step::kPin, pin.error().detail, PinRemedy(uri.pin));
  report.tried = pin->tried;
  const auto refused = RecallRefusedPin(terms.state, uri.pin);
  if (refused && IsRefusedPin(*refused, *pin)) {
    return Refused(uri, "the token refused this PIN before", opening);
  }
  TRY(CheckPinFlags(flags, refused.has_value(), opening));
  const CK_RV code = session.Login(user, pin->pin);
  if (code == CKR_OK) {
    if (refused) ForgetRefusedPin(terms.state, uri.pin);
    return schema::Ok();
  }
  const std::string reason = "C_Login: " + ReturnText(code);
  if (!SaysPinIsWrong(code)) {
    return opening.Failed(Step::kLogin, reason, "the PIN was not looked at; see to the device");
  }
  RememberRefusedPin(terms.state, uri.pin, pin->tried);
  return Refused(uri, reason, opening);
}

class TokenKey final : public SigningKey {
 public:
  TokenKey(const KeyUri& uri, const KeyTerms& terms, const Module& module, TokenInfo token)
      : uri_(uri), terms_(terms), token_(std::move(token)), session_(module, token_.slot) {}

  Outcome Open(Opening& opening, LoginReport& report) {
    if (const CK_RV code = session_.Open(); code != CKR_OK) {
      return opening.Failed(Step::kToken, "C_OpenSession: " + ReturnText(code),
                            code == CKR_SESSION_COUNT
                                ? "the token has no session left: lower ca.sessions, or end others"
                                : "");
    }
    TRY(LogIn(uri_, terms_, token_, session_, opening, report));
    TRY(private_, FindOnly(session_,
                           {CKO_PRIVATE_KEY, uri_.object, uri_.id,
                            uri_.pin.given() ? "private key" : "private key (without a login)",
                            uri_.pin.given() ? kLookAgain : kNoLogin},
                           opening));
    TRY(ReadPublicHalf(opening));
    TRY(JudgeAttributes(opening));
    return ChooseMechanism(opening);
  }

  Result<schema::Signature> Sign(BytesView message) override {
    const schema::Hash digest = Sha256Of(message);
    const BytesView data = mechanism_ == CKM_ECDSA ? BytesView(digest) : message;
    Bytes raw(kRawSignatureBytesMax);
    CK_RV code = session_.SignInit(mechanism_, private_);
    if (code == CKR_OK && context_login_) {
      TRY(LogInForOne());
    }
    if (code == CKR_OK) code = session_.Sign(data, raw);
    if (code == CKR_OK) return EcdsaSigValue(raw);
    // A failed C_Sign may leave its operation active: the session is never used again.
    session_.Close();
    return Lost(SaysSessionIsLost(code), ReturnText(code));
  }

  Outcome KeepAlive() override {
    CK_STATE state = 0;
    const CK_RV code = session_.State(state);
    const bool logged_in = state == CKS_RO_USER_FUNCTIONS || state == CKS_RW_USER_FUNCTIONS;
    if (code == CKR_OK && (logged_in || !uri_.pin.given())) return schema::Ok();
    session_.Close();
    return Lost(true, ReturnText(code == CKR_OK ? CKR_USER_NOT_LOGGED_IN : code));
  }

  const schema::SpkiDer& spki() const override { return spki_; }
  std::string token() const override { return token_.Text(); }
  std::string token_serial() const override { return token_.serial; }

  // What the events log says of it (README.md).
  std::string report() const override {
    schema::Json attributes = schema::Json::object();
    for (const KeyAttribute& attribute : findings_.attributes) {
      attributes[attribute.rule->name] =
          attribute.value ? schema::Json(*attribute.value) : schema::Json();
    }
    schema::Json out = {{"key", terms_.setting},
                        {"token", token_.label},
                        {"token_serial", token_.serial},
                        {"token_model", token_.model},
                        {"token_firmware", token_.firmware},
                        {"object", label_},
                        {"id", schema::Hex(id_)},
                        {"mechanism", MechanismText(mechanism_)},
                        {"attributes", std::move(attributes)},
                        {"waived", findings_.Broken(true)}};
    std::string text;
    schema::AppendJson(out, text);
    return text;
  }

 private:
  static constexpr std::size_t kRawSignatureBytesMax = 132;  // two of P-521

  // A PIN of a command cannot be fetched again by this process: another one has to.
  Error Lost(bool session, std::string why) const {
    const bool again = session && uri_.pin.kind != PinKind::kCommand;
    return Error{again ? &kSessionLost : &kDeviceFailed, std::move(why)};
  }

  Outcome ReadPublicHalf(Opening& opening) {
    const auto type = session_.ReadNumber(private_, CKA_KEY_TYPE);
    if (type != CKK_EC) {
      return opening.Failed(Step::kKey, "the private key is " + KeyTypeText(type),
                            "an ECDSA P-256 key is wanted");
    }
    id_ = session_.Read(private_, CKA_ID).value_or(Bytes());
    label_ = std::string(schema::AsText(session_.Read(private_, CKA_LABEL).value_or(Bytes())));
    // CKA_ID ties the two halves together (PKCS#11 2.40, 4.7); the label does where a token has no
    // ids.
    TRY(const CK_OBJECT_HANDLE public_key,
        FindOnly(session_,
                 {CKO_PUBLIC_KEY, id_.empty() ? label_ : std::string(), id_, "public key object",
                  "the public half has to be in the token too, under the same id; " +
                      std::string(kLookAgain)},
                 opening));
    const auto curve = session_.Read(public_key, CKA_EC_PARAMS);
    const auto point = session_.Read(public_key, CKA_EC_POINT);
    auto spki = SpkiOfPoint(curve.value_or(Bytes()), point.value_or(Bytes()));
    if (!spki) {
      return opening.Failed(Step::kKey, "public key: " + spki.error().detail,
                            "an ECDSA P-256 key is wanted");
    }
    spki_ = *std::move(spki);
    opening.Passed(Step::kKey, "object " + label_ + ", id " + schema::Hex(id_));
    return schema::Ok();
  }

  Outcome JudgeAttributes(Opening& opening) {
    findings_ = JudgeKey([this](unsigned long type) { return session_.ReadBool(private_, type); },
                         terms_.waived);
    const auto broken = findings_.Broken(false);
    if (!broken.empty()) {
      std::string reason;
      for (const KeyAttribute& attribute : findings_.attributes) {
        if (!attribute.broken || attribute.waived) continue;
        const char* state = !attribute.value ? " unknown" : *attribute.value ? " true" : " false";
        reason += (reason.empty() ? "" : ", ") + std::string(attribute.rule->name) + state + " (" +
                  attribute.rule->why + ")";
      }
      return opening.Failed(Step::kAttributes, reason,
                            "make a new key in the token, or waive the rule in "
                            "waive-key-attributes, which is entered in the events log");
    }
    const bool asks = session_.ReadBool(private_, CKA_ALWAYS_AUTHENTICATE).value_or(false);
    if (asks && !terms_.context_login) {
      return opening.Failed(Step::kAttributes,
                            "CKA_ALWAYS_AUTHENTICATE true (the PIN is wanted for each signature)",
                            "set ca.context-login: true if the PIN may be given without a human; "
                            "a log key may not be such a key");
    }
    if (asks && !uri_.pin.given()) {
      return opening.Failed(Step::kAttributes, "CKA_ALWAYS_AUTHENTICATE true",
                            "the URI needs a pin-source");
    }
    if (asks && uri_.pin.kind == PinKind::kCommand) {
      return opening.Failed(Step::kAttributes, "CKA_ALWAYS_AUTHENTICATE true",
                            "a PIN of a command is not fetched for each signature: use another "
                            "pin-source");
    }
    context_login_ = asks;
    const auto waived = findings_.Broken(true);
    opening.Passed(Step::kAttributes,
                   waived.empty() ? "as the rules want them" : "waived: " + Listed(waived));
    return schema::Ok();
  }

  // CKM_ECDSA over our own digest is what every module has; a few have only the other.
  Outcome ChooseMechanism(Opening& opening) {
    const auto told = session_.module().Mechanisms(token_.slot);
    const auto has = [&told](CK_MECHANISM_TYPE type) {
      return std::ranges::find(told, type) != told.end();
    };
    if (!told.empty() && !has(CKM_ECDSA) && !has(CKM_ECDSA_SHA256)) {
      return opening.Failed(Step::kMechanism,
                            "the token has neither CKM_ECDSA nor CKM_ECDSA_SHA256",
                            "use a token that signs with ECDSA");
    }
    if (!told.empty() && !has(CKM_ECDSA)) mechanism_ = CKM_ECDSA_SHA256;
    opening.Passed(Step::kMechanism, MechanismText(mechanism_));
    return schema::Ok();
  }

  // PKCS#11 2.40, 5.6.6: CKU_CONTEXT_SPECIFIC belongs between C_SignInit and C_Sign. The flags are
  // read each time: several signers may meet a PIN that was changed on the token.
  Outcome LogInForOne() {
    Opening opening;
    opening.Know(token_.manufacturer);
    LoginReport report;
    TokenInfo now;
    const CK_RV code = session_.module().ReadToken(token_.slot, now);
    if (code != CKR_OK) return Error{&kSessionLost, ReturnText(code)};
    auto done = LogInAs(CKU_CONTEXT_SPECIFIC, uri_, terms_, now.flags, session_, opening, report);
    if (done) return done;
    session_.Close();
    // The lane's turn decides about any further try.
    return Error{&kSessionLost, done.error().detail};
  }

  const KeyUri uri_;
  const KeyTerms terms_;
  const TokenInfo token_;
  Session session_;
  CK_OBJECT_HANDLE private_ = CK_INVALID_HANDLE;
  CK_MECHANISM_TYPE mechanism_ = CKM_ECDSA;
  bool context_login_ = false;
  schema::SpkiDer spki_;
  std::string label_;
  Bytes id_;
  KeyFindings findings_;
};

}  // namespace

Result<TokenInfo> FindToken(const KeyUri& uri, const Module& module, Opening& opening) {
  auto tokens = module.Tokens();
  if (!tokens) return opening.Failed(Step::kSlot, tokens.error().detail, "");
  if (tokens->empty()) {
    return opening.Failed(Step::kSlot, "no token matches: the module shows no initialised token",
                          "see to the device or the module's settings in ca.module-env");
  }
  opening.Passed(Step::kSlot, std::to_string(tokens->size()) + " with a token");
  std::vector<std::string> names;
  for (const TokenInfo& token : *tokens) names.push_back(token.Text());
  std::erase_if(*tokens, [&uri](const TokenInfo& token) { return !Matches(uri, token); });
  if (tokens->size() > 1) {
    return opening.Failed(Step::kToken, "more than one token matches (" + Asked(uri) + ")",
                          "add serial= to the URI");
  }
  if (tokens->empty()) {
    return opening.Failed(Step::kToken,
                          "no token matches (" + Asked(uri) + "); there are: " + Listed(names),
                          "correct token= or serial= in the URI");
  }
  opening.Know(tokens->front().manufacturer);
  return std::move(tokens->front());
}

Outcome LogIn(const KeyUri& uri, const KeyTerms& terms, const TokenInfo& token,
              const Session& session, Opening& opening, LoginReport& report) {
  if (!uri.pin.given()) {
    opening.Passed(Step::kLogin, "none: the URI names no pin-source");
    return schema::Ok();
  }
  CK_STATE state = 0;
  const CK_RV code = session.State(state);
  if (code != CKR_OK) {
    return opening.Failed(Step::kLogin, "C_GetSessionInfo: " + ReturnText(code), "");
  }
  // Login is the process's, not the session's: the key of another role may have done it.
  if (state != CKS_RO_USER_FUNCTIONS && state != CKS_RW_USER_FUNCTIONS) {
    TRY(LogInAs(CKU_USER, uri, terms, token.flags, session, opening, report));
  }
  opening.Passed(Step::kPin, uri.pin.Text());
  opening.Passed(Step::kLogin, "CKU_USER");
  return schema::Ok();
}

Result<std::unique_ptr<SigningKey>> OpenTokenKey(const KeyUri& uri, const KeyTerms& terms,
                                                 Modules& modules, Opening& opening,
                                                 LoginReport& report) {
  opening.Passed(Step::kUri, Asked(uri));
  opening.Know(uri.module.filename().string());
  const auto module = modules.Get(uri.module);
  if (!module) {
    const std::string& why = module.error().detail;
    return opening.Failed(
        Step::kModule, "module " + uri.module.string() + ": " + why,
        why.starts_with("C_Initialize")
            ? "it was found and does not start: see to its settings in ca.module-env"
            : "correct module-path, or install the vendor's module for this machine");
  }
  opening.Passed(Step::kModule, uri.module.string());
  TRY(TokenInfo token, FindToken(uri, **module, opening));
  const auto room = token.sessions_max;
  if (room != 0 && room < static_cast<unsigned long>(terms.sessions)) {
    return opening.Failed(Step::kToken,
                          "the token allows " + std::to_string(room) + " sessions, " +
                              std::to_string(terms.sessions) + " are configured",
                          "lower ca.sessions");
  }
  opening.Passed(Step::kToken, token.Text());
  auto key = std::make_unique<TokenKey>(uri, terms, **module, std::move(token));
  TRY(key->Open(opening, report));
  return std::unique_ptr<SigningKey>(std::move(key));
}

}  // namespace hsm
