#include "hsm/uri.h"

#include <doctest/doctest.h>

#include "hsm/custody.h"

namespace {

struct Good {
  const char* uri;
  const char *token, *serial, *object;
  schema::Bytes id;
  const char *module, *pin_file;
};

const Good kGood[] = {
    {"pkcs11:token=a;object=b?module-path=/m.so&pin-source=file:pin",
     "a",
     "",
     "b",
     {},
     "/m.so",
     "/etc/c/pin"},
    {"pkcs11:token=a%20b%3b;object=%c3%a4?module-path=/m.so",
     "a b;",
     "",
     "\xc3\xa4",
     {},
     "/m.so",
     ""},
    {"pkcs11:serial=0123;id=%01%ff?module-path=m.so",
     "",
     "0123",
     "",
     {0x01, 0xff},
     "/etc/c/m.so",
     ""},
    {"pkcs11:token=a;object=b;id=x;type=private?module-path=../m.so&pin-source=file:/run/pin",
     "a",
     "",
     "b",
     {'x'},
     "/etc/m.so",
     "/run/pin"},
    {"pkcs11:token=a;object=b?pin-source=file:///run/a%20pin&module-path=/m.so",
     "a",
     "",
     "b",
     {},
     "/m.so",
     "/run/a pin"},
    {"pkcs11:token=a;manufacturer=SoftHSM;model=v2;object=b?module-path=/m.so",
     "a",
     "",
     "b",
     {},
     "/m.so",
     ""},
};

TEST_CASE("key URIs that are taken") {
  for (const Good& c : kGood) {
    CAPTURE(c.uri);
    const auto got = hsm::ParseKeyUri(c.uri, "/etc/c");
    REQUIRE(got.has_value());
    CHECK_EQ(got->token, c.token);
    CHECK_EQ(got->serial, c.serial);
    CHECK_EQ(got->object, c.object);
    CHECK(got->id == c.id);
    CHECK_EQ(got->module.string(), c.module);
    CHECK_EQ(got->pin.file.string(), c.pin_file);
  }
}

struct Source {
  const char* uri;
  hsm::PinSource want;
};

const Source kSources[] = {
    {"", {}},
    {"&pin-source=file:pin", {.kind = hsm::PinKind::kFile, .file = "/etc/c/pin"}},
    {"&pin-source=credential:ca.pin", {.kind = hsm::PinKind::kCredential, .file = "ca.pin"}},
    {"&pin-source=prompt:", {.kind = hsm::PinKind::kPrompt, .asks_for = "token a"}},
    {"&pin-source=%7C/usr/bin/get-pin",
     {.kind = hsm::PinKind::kCommand, .command = {"/usr/bin/get-pin"}}},
    {"&pin-source=|/bin/get%20-f%20a%3db%20%20$(id)",
     {.kind = hsm::PinKind::kCommand, .command = {"/bin/get", "-f", "a=b", "", "$(id)"}}},
};

TEST_CASE("where a PIN may come from") {
  for (const Source& c : kSources) {
    CAPTURE(c.uri);
    const auto got =
        hsm::ParseKeyUri("pkcs11:token=a;object=b?module-path=/m" + std::string(c.uri), "/etc/c");
    REQUIRE(got.has_value());
    CHECK(got->pin == c.want);
  }
}

struct Bad {
  const char* name;
  std::string_view uri;
  const char* want;
};

constexpr std::string_view kNul("pkcs11:token=a;object=b\0?module-path=/m", 40);

const Bad kBad[] = {
    {"empty", "", "not a pkcs11"},
    {"file", "file:key.pem", "not a pkcs11"},
    {"upper case scheme", "PKCS11:token=a;object=b?module-path=/m", "not a pkcs11"},
    {"nothing named", "pkcs11:?module-path=/m", "neither token nor serial"},
    {"no token", "pkcs11:object=b?module-path=/m", "neither token nor serial"},
    {"no object", "pkcs11:token=a?module-path=/m", "neither object nor id"},
    {"no module", "pkcs11:token=a;object=b", "no module-path"},
    {"module by name", "pkcs11:token=a;object=b?module-name=softhsm2", "not known: module-name"},
    {"PIN in the URI", "pkcs11:token=a;object=b?module-path=/m&pin-value=secret1234",
     "pin-value is refused"},
    {"PIN in the path", "pkcs11:token=a;object=b;pin-value=secret1234?module-path=/m",
     "pin-value is refused"},
    {"PIN from a command", "pkcs11:token=a;object=b?module-path=/m&pin-source=%7ccat",
     "no absolute path of a command"},
    {"PIN from no command", "pkcs11:token=a;object=b?module-path=/m&pin-source=%7c",
     "no absolute path of a command"},
    {"PIN from no credential",
     "pkcs11:token=a;object=b?module-path=/m&pin-source=credential:", "names no credential"},
    {"PIN from a credential elsewhere",
     "pkcs11:token=a;object=b?module-path=/m&pin-source=credential:..%2fpin",
     "names no credential"},
    {"PIN from a prompt with more", "pkcs11:token=a;object=b?module-path=/m&pin-source=prompt:x",
     "has to be file:"},
    {"PIN from a bare path", "pkcs11:token=a;object=b?module-path=/m&pin-source=/run/pin",
     "has to be file:"},
    {"PIN from a host", "pkcs11:token=a;object=b?module-path=/m&pin-source=file://host/pin",
     "names a host"},
    {"PIN from nowhere",
     "pkcs11:token=a;object=b?module-path=/m&pin-source=file:", "names no file"},
    {"slot number", "pkcs11:slot-id=3;token=a;object=b?module-path=/m", "slot-id is refused"},
    {"token twice", "pkcs11:token=a;token=b;object=b?module-path=/m", "twice: token"},
    {"object twice", "pkcs11:token=a;object=b;object=c?module-path=/m", "twice: object"},
    {"module twice", "pkcs11:token=a;object=b?module-path=/m&module-path=/n", "twice: module-path"},
    {"misspelt query", "pkcs11:token=a;object=b?module-path=/m&pin-sorce=file:pin",
     "not known: pin-sorce"},
    {"misspelt path", "pkcs11:tokn=a;object=b?module-path=/m", "not known: tokn"},
    {"vendor attribute", "pkcs11:token=a;object=b;x-vendor=1?module-path=/m",
     "not known: x-vendor"},
    {"empty value", "pkcs11:token=;object=b?module-path=/m", "empty: token"},
    {"no value", "pkcs11:token;object=b?module-path=/m", "no '='"},
    {"bad percent", "pkcs11:token=%zz;object=b?module-path=/m", "URI: "},
    {"public key", "pkcs11:token=a;object=b;type=public?module-path=/m", "type is not private"},
    {"label of 33 octets", "pkcs11:token=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;object=b?module-path=/m",
     "cannot be right"},
    {"NUL", kNul, "NUL"},
};

TEST_CASE("key URIs that are refused, without quoting their values") {
  for (const Bad& c : kBad) {
    CAPTURE(c.name);
    const auto got = hsm::ParseKeyUri(c.uri, "/etc/c");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().Is(hsm::kKeyUnusable));
    CAPTURE(got.error().detail);
    CHECK_NE(got.error().detail.find(c.want), std::string::npos);
    CHECK_EQ(got.error().detail.find("secret1234"), std::string::npos);
  }
  const std::string huge = "pkcs11:token=a;object=" + std::string(3000, 'b') + "?module-path=/m";
  CHECK_FALSE(hsm::ParseKeyUri(huge, "/").has_value());
}

}  // namespace
