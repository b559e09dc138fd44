#include "hsm/generate.h"

#include <openssl/rand.h>

#include <array>

#include "hsm/custody.h"
#include "hsm/key_set.h"

namespace hsm {

using schema::Bytes;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kIdBytes = 8;

Outcome CheckFree(const Session& session, std::string label, Bytes id, Opening& opening) {
  CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
  const CK_ATTRIBUTE by[] = {{CKA_LABEL, label.data(), label.size()},
                             {CKA_ID, id.data(), id.size()}};
  for (const CK_ATTRIBUTE& attribute : by) {
    std::array<CK_ATTRIBUTE, 2> wanted = {CK_ATTRIBUTE{CKA_CLASS, &kind, sizeof kind}, attribute};
    std::vector<CK_OBJECT_HANDLE> found;
    const CK_RV code = session.Find(wanted, 1, found);
    if (code != CKR_OK) {
      return opening.Failed(Step::kKey, "keys cannot be searched: " + ReturnText(code), "");
    }
    if (!found.empty()) {
      return opening.Failed(Step::kKey, "the token has a private key of this label or id",
                            "choose another label and id; nothing was changed");
    }
  }
  return schema::Ok();
}

// PKCS#11 2.40, 4.9 and curr 2.3.3.
CK_RV Generate(const Session& session, std::string label, Bytes id) {
  std::array<std::uint8_t, 10> p256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ATTRIBUTE public_half[] = {{CKA_TOKEN, &yes, 1},
                                {CKA_VERIFY, &yes, 1},
                                {CKA_ENCRYPT, &no, 1},
                                {CKA_WRAP, &no, 1},
                                {CKA_ID, id.data(), id.size()},
                                {CKA_LABEL, label.data(), label.size()},
                                {CKA_EC_PARAMS, p256.data(), p256.size()}};
  CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, 1},
                                 {CKA_PRIVATE, &yes, 1},
                                 {CKA_SENSITIVE, &yes, 1},
                                 {CKA_EXTRACTABLE, &no, 1},
                                 {CKA_SIGN, &yes, 1},
                                 {CKA_DECRYPT, &no, 1},
                                 {CKA_UNWRAP, &no, 1},
                                 {CKA_DERIVE, &no, 1},
                                 {CKA_ID, id.data(), id.size()},
                                 {CKA_LABEL, label.data(), label.size()}};
  return session.GenerateKeyPair(CKM_EC_KEY_PAIR_GEN, public_half, private_half);
}

Outcome MakeIn(const KeyUri& uri, const KeyTerms& terms, const Module& module, Opening& opening) {
  TRY(const TokenInfo token, FindToken(uri, module, opening));
  Session session(module, token.slot);
  if (const CK_RV code = session.Open(CKF_RW_SESSION); code != CKR_OK) {
    return opening.Failed(Step::kToken, "C_OpenSession: " + ReturnText(code), "");
  }
  LoginReport report;
  TRY(LogIn(uri, terms, token, session, opening, report));
  TRY(CheckFree(session, uri.object, uri.id, opening));
  const CK_RV code = Generate(session, uri.object, uri.id);
  if (code == CKR_OK) return schema::Ok();
  return opening.Failed(Step::kKey, "C_GenerateKeyPair: " + ReturnText(code),
                        "make the key with the vendor's tool");
}

}  // namespace

Result<std::string> GenerateKey(KeyUri uri, const KeyTerms& terms, Modules& modules,
                                Opening& opening) {
  if (uri.object.empty()) {
    return opening.Failed(Step::kUri, "no object=", "name the new key's label in the URI");
  }
  if (uri.id.empty()) {
    uri.id.resize(kIdBytes);
    MUST(RAND_bytes(uri.id.data(), static_cast<int>(uri.id.size())) == 1);
  }
  opening.Know(uri.module.filename().string());
  const auto module = modules.Get(uri.module);
  if (!module) return opening.Failed(Step::kModule, module.error().detail, "");
  TRY(MakeIn(uri, terms, **module, opening));
  LoginReport report;
  TRY(const auto key, OpenTokenKey(uri, terms, modules, opening, report));
  if (const auto proof = Prove(*key); !proof) {
    return opening.Failed(Step::kSignature, proof.error().detail, "");
  }
  return key->report();
}

}  // namespace hsm
