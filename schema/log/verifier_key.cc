#include "schema/log/verifier_key.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/openssl.h"
#include "schema/log/lines.h"
#include "schema/log/sct.h"
#include "schema/log/witness.h"

namespace schema {

const ErrorKind kBadVerifierKey{"bad-verifier-key", Fault::kUs,
                                "wanted a verifier key, NAME+KEY ID+KEY (c2sp.org/signed-note)"};
const ErrorKind kNotSigned{"not-signed", Fault::kUs,
                           "a signed note has no valid signature of the key it should have"};

namespace {

constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kP256SpkiBytes = 91;  // RFC 5480 with an uncompressed point
constexpr std::size_t kTreeHeadFixed = 12;  // u64 time, two octets of algorithm, u16 length

Error BadKey(std::string_view why) { return Error{&kBadVerifierKey, std::string(why)}; }
Error NotSigned(const VerifierKey& key, std::string_view why) {
  return Error{&kNotSigned, key.name + ": " + std::string(why)};
}

std::optional<NoteKeyType> TypeOf(std::uint8_t octet) {
  switch (octet) {
    case 0x01:
      return NoteKeyType::kEd25519;
    case 0x04:
      return NoteKeyType::kCosignature;
    case 0x05:
      return NoteKeyType::kTreeHead;
  }
  return std::nullopt;
}

// Nothing when it is no key of this type.
OwnedKey Handle(NoteKeyType type, BytesView key) {
  if (type != NoteKeyType::kTreeHead) {
    if (key.size() != kEd25519Bytes) return nullptr;
    return OwnedKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  }
  if (key.size() != kP256SpkiBytes) return nullptr;
  const std::uint8_t* at = key.data();
  OwnedKey handle(d2i_PUBKEY(nullptr, &at, static_cast<long>(key.size())));
  const bool whole = handle != nullptr && at == key.data() + key.size();
  if (!whole || EVP_PKEY_is_a(handle.get(), "EC") != 1 || EVP_PKEY_get_bits(handle.get()) != 256) {
    OpensslError();
    return nullptr;
  }
  return handle;
}

bool Verifies(const VerifierKey& key, BytesView input, BytesView signature) {
  const OwnedKey handle = Handle(key.type, key.key);
  if (handle == nullptr) return false;
  const EVP_MD* digest = key.type == NoteKeyType::kTreeHead ? EVP_sha256() : nullptr;
  const OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(context != nullptr);
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, handle.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), input.data(),
                       input.size()) == 1;
  if (!good) OpensslError();
  return good;
}

// RFC6962NoteSignature: u64 ms ‖ 04 03 ‖ u16 length ‖ ECDSA-Sig-Value.
bool VerifiesTreeHead(const VerifierKey& key, std::string_view text, BytesView signature) {
  const auto body = ParseCheckpointText(text);
  if (!body || signature.size() <= kTreeHeadFixed || signature[0] > 0x7f) return false;
  std::int64_t ms = 0;
  for (const std::uint8_t octet : signature.first(8)) ms = ms << 8 | octet;
  const TimeMs time{std::chrono::milliseconds(ms)};
  const BytesView der = signature.subspan(kTreeHeadFixed);
  if (!Equal(TreeHeadNoteSignature(time, der), signature)) return false;
  return Verifies(key, TreeHeadInput(time, body->size, body->root), der);
}

bool Verifies(const VerifierKey& key, std::string_view text, BytesView signature) {
  switch (key.type) {
    case NoteKeyType::kEd25519:
      return Verifies(key, AsBytes(text), signature);
    case NoteKeyType::kCosignature: {
      const auto parts = ParseCosignature(signature);
      return parts && Verifies(key, AsBytes(CosignatureInput(parts->time, text)), parts->ed25519);
    }
    case NoteKeyType::kTreeHead:
      return VerifiesTreeHead(key, text, signature);
  }
  return false;
}

}  // namespace

std::array<std::uint8_t, 4> VerifierKey::Id() const {
  // static-ct-api: the id of a log's key is made of the log's id, not of the key.
  if (type == NoteKeyType::kTreeHead) return TreeHeadKeyId(name, Sha256(key));
  return NoteKeyId(name, static_cast<std::uint8_t>(type), key);
}

std::string VerifierKey::Text() const {
  MUST(IsNoteName(name));
  Bytes typed{static_cast<std::uint8_t>(type)};
  typed.insert(typed.end(), key.begin(), key.end());
  return name + "+" + Hex(Id()) + "+" + Base64(typed);
}

Result<VerifierKey> ParseVerifierKey(std::string_view text) {
  // A name holds no '+', base64 may.
  const std::size_t first = text.find('+');
  const std::size_t second =
      first == std::string_view::npos ? std::string_view::npos : text.find('+', first + 1);
  if (second == std::string_view::npos) return BadKey("not three parts with '+' between them");
  const std::string_view name = text.substr(0, first);
  if (!IsNoteName(name)) return BadKey("an unusable name");
  const auto typed = DecodeBase64Strict(text.substr(second + 1));
  if (!typed || typed->empty()) return BadKey("the key is not base64");
  const auto type = TypeOf(typed->front());
  if (!type) return BadKey("a key of type " + std::to_string(typed->front()) + ", not 1, 4 or 5");
  VerifierKey out{std::string(name), *type, Bytes(typed->begin() + 1, typed->end())};
  if (Handle(out.type, out.key) == nullptr) return BadKey("a key that its type does not have");
  if (Hex(out.Id()) != text.substr(first + 1, second - first - 1)) {
    return BadKey("the key id is not that of name and key");
  }
  return out;
}

Result<Note::Line> VerifyNote(const Note& note, const VerifierKey& key) {
  const auto id = key.Id();
  const auto line = std::ranges::find_if(
      note.lines, [&](const Note::Line& one) { return one.name == key.name && one.key_id == id; });
  if (line == note.lines.end()) return NotSigned(key, "no signature of this key");
  if (!Verifies(key, note.text, line->signature)) return NotSigned(key, "a wrong signature");
  return *line;
}

}  // namespace schema
