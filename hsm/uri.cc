#include "hsm/uri.h"

#include <p11-kit/uri.h>

#include <algorithm>
#include <array>
#include <vector>

#include "hsm/custody.h"
#include "hsm/token_field.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;
namespace fs = std::filesystem;

namespace {

using OwnedUri = schema::Owned<P11KitUri, p11_kit_uri_free>;

constexpr std::string_view kScheme = "pkcs11:";
constexpr std::size_t kUriBytesMax = 2048;
constexpr std::array<std::string_view, 7> kPathNames = {"token",  "serial", "manufacturer", "model",
                                                        "object", "id",     "type"};
constexpr std::array<std::string_view, 2> kQueryNames = {"module-path", "pin-source"};

Error Unusable(std::string why) { return Error{&kKeyUnusable, std::move(why)}; }

// p11_kit_uri_parse takes the last of two equal attributes and ignores queries it does not know, so
// that a misspelt "pin-source" would go unnoticed: names are checked before it decodes the values.
Outcome CheckNames(std::string_view part, char separator, std::span<const std::string_view> known) {
  std::vector<std::string_view> seen;
  while (!part.empty()) {
    const std::string_view item = part.substr(0, part.find(separator));
    part.remove_prefix(std::min(part.size(), item.size() + 1));
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) return Unusable("URI: an attribute has no '='");
    const std::string_view name = item.substr(0, equals);
    if (name == "pin-value") return Unusable("URI: pin-value is refused, use pin-source");
    if (name == "slot-id") return Unusable("URI: slot-id is refused, name the token or its serial");
    if (std::ranges::find(known, name) == known.end()) {
      return Unusable("URI: attribute is not known: " + std::string(name.substr(0, 32)));
    }
    if (std::ranges::find(seen, name) != seen.end()) {
      return Unusable("URI: attribute twice: " + std::string(name));
    }
    if (equals + 1 == item.size()) return Unusable("URI: attribute is empty: " + std::string(name));
    seen.push_back(name);
  }
  return schema::Ok();
}

schema::Bytes Attribute(P11KitUri* uri, CK_ATTRIBUTE_TYPE type) {
  const CK_ATTRIBUTE* attribute = p11_kit_uri_get_attribute(uri, type);
  if (attribute == nullptr) return {};
  const auto* value = static_cast<const std::uint8_t*>(attribute->pValue);
  return schema::Bytes(value, value + attribute->ulValueLen);
}

}  // namespace

Result<KeyUri> ParseKeyUri(std::string_view text, const fs::path& directory) {
  if (!text.starts_with(kScheme)) return Unusable("not a pkcs11: URI");
  if (text.size() > kUriBytesMax) return Unusable("URI: too long");
  if (text.find('\0') != std::string_view::npos) return Unusable("URI: holds a NUL");
  const std::string_view rest = text.substr(kScheme.size());
  const auto question = rest.find('?');
  TRY(CheckNames(rest.substr(0, question), ';', kPathNames));
  if (question != std::string_view::npos) {
    TRY(CheckNames(rest.substr(question + 1), '&', kQueryNames));
  }

  const OwnedUri uri(p11_kit_uri_new());
  MUST(uri != nullptr);
  const int result = p11_kit_uri_parse(std::string(text).c_str(), P11_KIT_URI_FOR_ANY, uri.get());
  if (result != P11_KIT_URI_OK) return Unusable(std::string("URI: ") + p11_kit_uri_message(result));
  if (p11_kit_uri_any_unrecognized(uri.get()) != 0) return Unusable("URI: a value cannot be right");

  const CK_ATTRIBUTE* type = p11_kit_uri_get_attribute(uri.get(), CKA_CLASS);
  if (type != nullptr && *static_cast<const CK_OBJECT_CLASS*>(type->pValue) != CKO_PRIVATE_KEY) {
    return Unusable("URI: type is not private");
  }
  const CK_TOKEN_INFO* token = p11_kit_uri_get_token_info(uri.get());
  KeyUri key;
  key.token = TokenField(token->label);
  key.serial = TokenField(token->serialNumber);
  key.manufacturer = TokenField(token->manufacturerID);
  key.model = TokenField(token->model);
  key.object = std::string(schema::AsText(Attribute(uri.get(), CKA_LABEL)));
  key.id = Attribute(uri.get(), CKA_ID);
  if (key.token.empty() && key.serial.empty()) return Unusable("URI: neither token nor serial");
  if (key.object.empty() && key.id.empty()) return Unusable("URI: neither object nor id");
  const char* module = p11_kit_uri_get_module_path(uri.get());
  if (module == nullptr || *module == '\0') return Unusable("URI: no module-path");
  key.module = (directory / module).lexically_normal();
  if (const char* source = p11_kit_uri_get_pin_source(uri.get()); source != nullptr) {
    const bool labelled = !key.token.empty();
    TRY(key.pin, ParsePinSource(source, directory,
                                labelled ? "token " + key.token : "the token " + key.serial));
  }
  return key;
}

}  // namespace hsm
