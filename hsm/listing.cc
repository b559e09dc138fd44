#include "hsm/listing.h"

#include <algorithm>

#include "hsm/custody.h"
#include "hsm/key_rules.h"
#include "hsm/point.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::Json;
using schema::Result;

namespace {

constexpr std::size_t kKeysMax = 1000;  // of one class in one token

const char* PinText(CK_FLAGS flags) {
  if ((flags & CKF_USER_PIN_LOCKED) != 0) return "locked";
  if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) return "one try left";
  if ((flags & CKF_USER_PIN_COUNT_LOW) != 0) return "wrong PIN entered";
  return (flags & CKF_USER_PIN_INITIALIZED) != 0 ? "ok" : "not set";
}

const char* TypeText(std::optional<CK_ULONG> type) {
  if (type == CKK_EC) return "EC";
  if (type == CKK_RSA) return "RSA";
  if (type == CKK_EC_EDWARDS) return "EC_EDWARDS";
  return "other";
}

std::string Escaped(std::string_view text, bool all) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (!all && kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', kDigits[octet >> 4], kDigits[octet & 15]};
    }
  }
  return out;
}

// RFC 7512, for ca.key: what is missing is module-path and pin-source.
std::string UriOf(const TokenInfo& token, const std::string& label, const Bytes& id) {
  std::string uri = "pkcs11:token=" + Escaped(token.label, false);
  if (!token.serial.empty()) uri += ";serial=" + Escaped(token.serial, false);
  if (!label.empty()) uri += ";object=" + Escaped(label, false);
  if (!id.empty()) uri += ";id=" + Escaped(schema::AsText(id), true);
  return uri;
}

std::string EcText(const Session& session, CK_OBJECT_HANDLE key) {
  const auto params = session.Read(key, CKA_EC_PARAMS).value_or(Bytes());
  const unsigned char* p = params.data();
  const schema::Owned<ASN1_OBJECT, ASN1_OBJECT_free> curve(
      d2i_ASN1_OBJECT(nullptr, &p, static_cast<long>(params.size())));
  if (curve == nullptr) return "EC";
  const int nid = OBJ_obj2nid(curve.get());
  const char* name = EC_curve_nid2nist(nid);
  if (name == nullptr) name = OBJ_nid2sn(nid);
  return name == nullptr ? "EC" : std::string("EC ") + name;
}

Json KeyJson(const Session& session, const TokenInfo& token, CK_OBJECT_HANDLE key,
             bool is_private) {
  const auto label = session.Read(key, CKA_LABEL).value_or(Bytes());
  const auto id = session.Read(key, CKA_ID).value_or(Bytes());
  const auto type = session.ReadNumber(key, CKA_KEY_TYPE);
  Json out = {{"class", is_private ? "private" : "public"},
              {"label", std::string(schema::AsText(label))},
              {"id", schema::Hex(id)},
              {"type", type == CKK_EC ? EcText(session, key) : std::string(TypeText(type))},
              {"uri", UriOf(token, std::string(schema::AsText(label)), id)}};
  if (!is_private) return out;
  Json attributes = Json::object();
  for (const KeyRule& rule : KeyRules()) {
    const auto value = session.ReadBool(key, rule.type);
    attributes[rule.name] = value ? Json(*value) : Json();
  }
  out["attributes"] = std::move(attributes);
  return out;
}

Json KeysOf(const Session& session, const TokenInfo& token) {
  Json keys = Json::array();
  for (const bool is_private : {true, false}) {
    CK_OBJECT_CLASS kind = is_private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted{CKA_CLASS, &kind, sizeof kind};
    std::vector<CK_OBJECT_HANDLE> found;
    if (session.Find({&wanted, 1}, kKeysMax, found) != CKR_OK) continue;
    for (const CK_OBJECT_HANDLE key : found) {
      keys.push_back(KeyJson(session, token, key, is_private));
    }
  }
  return keys;
}

Result<Json> TokenJson(const Module& module, const TokenInfo& token,
                       const std::optional<ListLogin>& login) {
  Json signs_with = Json::array();
  for (const CK_MECHANISM_TYPE mechanism : module.Mechanisms(token.slot)) {
    if (mechanism == CKM_ECDSA || mechanism == CKM_ECDSA_SHA256) {
      signs_with.push_back(MechanismText(mechanism));
    }
  }
  Json out = {{"slot", token.slot},
              {"label", token.label},
              {"serial", token.serial},
              {"manufacturer", token.manufacturer},
              {"model", token.model},
              {"firmware", token.firmware},
              {"pin", PinText(token.flags)},
              {"sessions_max", token.sessions_max == 0 ? Json() : Json(token.sessions_max)},
              {"signs_with", std::move(signs_with)}};
  Session session(module, token.slot);
  if (const CK_RV code = session.Open(); code != CKR_OK) {
    out["error"] = "C_OpenSession: " + ReturnText(code);
    out["keys"] = Json::array();
    return out;
  }
  if (login) {
    Opening opening;
    opening.Know(module.file().filename().string() + " " + token.manufacturer);
    LoginReport report;
    TRY(LogIn(login->uri, login->terms, token, session, opening, report));
  }
  out["keys"] = KeysOf(session, token);
  return out;
}

}  // namespace

Result<Json> ListModule(const std::filesystem::path& file, const std::optional<ListLogin>& login) {
  TRY(const auto module, Module::Load(file));
  TRY(const auto tokens, module->Tokens());
  std::optional<CK_SLOT_ID> log_in_at;
  if (login) {
    Opening opening;
    opening.Know(file.filename().string());
    TRY(const TokenInfo chosen, FindToken(login->uri, *module, opening));
    log_in_at = chosen.slot;
  }
  Json out = {{"module", file.string()}, {"tokens", Json::array()}};
  for (const TokenInfo& token : tokens) {
    TRY(Json one,
        TokenJson(*module, token, log_in_at == token.slot ? login : std::optional<ListLogin>()));
    out["tokens"].push_back(std::move(one));
  }
  return out;
}

}  // namespace hsm
