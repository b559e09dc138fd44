#include "schema/config.h"

#include <doctest/doctest.h>

#include "schema/base/document.h"
#include "schema/base/file.h"
#include "tests/schema/settings.h"

namespace {

using schema::Config;
using schema::ParseConfig;

TEST_CASE("what is absent has its default") {
  const auto config = Parse(Minimal());
  REQUIRE(config);
  CHECK_EQ(config->listen.public_api.Text(), "127.0.0.1:5555");
  CHECK_EQ(config->listen.log.Text(), "127.0.0.1:5557");
  CHECK_EQ(config->listen.internal.Text(), "127.0.0.1:5556");
  CHECK(config->listen.trusted_proxies.empty());
  CHECK(config->ca.module_env.empty());
  CHECK_EQ(config->ca.keys[0].sessions, 2);
  CHECK_EQ(config->ca.lifetime, std::chrono::minutes(10));
  CHECK_EQ(config->ca.backdate, std::chrono::seconds(30));
  CHECK_EQ(config->ca.sign_deadline, std::chrono::seconds(2));
  CHECK_EQ(config->log.checkpoint, std::chrono::seconds(1));
  CHECK(config->hsm.socket.empty());
  CHECK_EQ(config->hsm.state, config->state);
  CHECK_EQ(config->log.precertificate_backlog, 1024);
  CHECK(config->log.redact_claims.empty());
  CHECK_EQ(config->public_url, "http://127.0.0.1:5555");
  const auto& limit = config->limits.per_address;
  CHECK_EQ(limit.interval, std::chrono::milliseconds(20));
  CHECK_EQ(limit.burst, 500);
  REQUIRE_EQ(limit.exempt.size(), 2);
  CHECK(limit.exempt[0].Contains(*schema::ParseAddress("127.9.9.9")));
  CHECK_FALSE(limit.exempt[0].Contains(*schema::ParseAddress("128.0.0.1")));
  CHECK(limit.exempt[1].Contains(*schema::ParseAddress("::1")));
  CHECK_FALSE(limit.exempt[1].Contains(*schema::ParseAddress("::2")));
}

TEST_CASE("a supervisor's paths start at the file's directory, and its socket's has to fit") {
  const auto with = [](const std::string& socket) {
    return Parse(With(Minimal(), "/hsm",
                      R"({"socket": ")" + socket + R"(", "front": 990, "state": "signer"})"));
  };
  const auto config = with("socket");
  REQUIRE(config);
  CHECK_EQ(config->hsm.socket, "/etc/chancery/socket");
  CHECK_EQ(config->hsm.front, "990");
  CHECK_EQ(config->hsm.state, "/etc/chancery/signer");
  CHECK(with("/" + std::string(106, 's')));
  const auto longer = with("/" + std::string(107, 's'));
  REQUIRE_FALSE(longer);
  CHECK_NE(longer.error().detail.find("hsm.socket: is longer than 107 octets"), std::string::npos);
}

TEST_CASE("paths start at the file's directory") {
  const auto config = Parse(Minimal());
  REQUIRE(config);
  CHECK_EQ(config->file, "/etc/chancery/chancery.yaml");
  CHECK_EQ(config->directory, "/etc/chancery");
  CHECK_EQ(config->state, "/etc/chancery/state");
  CHECK_EQ(config->issuers, "/etc/chancery/issuers.yaml");
  CHECK_EQ(config->policy, "/etc/chancery/policy.yaml");
  CHECK_EQ(config->ca.chain, "/etc/chancery/chain.pem");
  CHECK_EQ(config->ca.keys[0].uri, "pkcs11:token=t;object=ca?pin-source=file:pin");
  CHECK_EQ(config->log.certificates.keys[0].uri, "file:/etc/chancery/log.key");
  CHECK_EQ(config->log.certificates.note_key, "file:/etc/chancery/log-note.key");
  CHECK_EQ(config->log.events.note_key, "file:/etc/chancery/events-note.key");
  CHECK_EQ(config->Resolve("pin"), "/etc/chancery/pin");
  CHECK_EQ(config->Resolve("../pin"), "/etc/pin");
  CHECK_EQ(config->Resolve("/run/pin"), "/run/pin");

  const auto relative = ParseConfig(Minimal().dump(), "sub/chancery.yaml");
  REQUIRE(relative);
  CHECK_EQ(relative->file, "sub/chancery.yaml");
  CHECK_EQ(relative->state, std::filesystem::current_path() / "sub/state");
}

TEST_CASE("the values of module-env that are paths") {
  const auto config = Parse(With(Minimal(), "/ca/module-env", R"({
    "SOFTHSM2_CONF": "softhsm2.conf", "VENDOR_CONF": "./vendor.conf", "VENDOR_LOG": "vendor.log",
    "SLOT": 3, "ABSOLUTE": "/etc/x", "DEBUG": true})"));
  REQUIRE(config);
  const std::map<std::string, std::string> want = {{"SOFTHSM2_CONF", "/etc/chancery/softhsm2.conf"},
                                                   {"VENDOR_CONF", "/etc/chancery/vendor.conf"},
                                                   {"VENDOR_LOG", "vendor.log"},
                                                   {"SLOT", "3"},
                                                   {"ABSOLUTE", "/etc/x"},
                                                   {"DEBUG", "true"}};
  CHECK(config->ca.module_env == want);
}

// An empty `want`: accepted. Else a part of the detail.
struct Case {
  const char* pointer;
  std::string_view value;
  std::string_view want;
};

void CheckCases(std::span<const Case> cases, const schema::Json& base = Minimal()) {
  for (const Case& c : cases) {
    CAPTURE(c.pointer);
    CAPTURE(c.value);
    const auto config = Parse(With(base, c.pointer, c.value));
    if (config) {
      CHECK_EQ(c.want, "");
      continue;
    }
    CAPTURE(config.error().detail);
    CHECK(config.error().Is(schema::kBadSetting));
    CHECK_NE(c.want, "");
    CHECK_NE(config.error().detail.find(c.want), std::string::npos);
  }
}

TEST_CASE("listen") {
  const Case kCases[] = {
      {"/listen", "{}", ""},
      {"/listen", "null", "listen: wanted a map"},
      {"/listen", "[]", "listen: wanted a map"},
      {"/listen/public", R"("0.0.0.0:80")", ""},
      {"/listen/public", R"("[::]:0")", ""},
      {"/listen/public", R"("localhost:80")", "listen.public: wanted an IP address and a port"},
      {"/listen/public", "5555", "listen.public: wanted an IP address and a port"},
      {"/listen/log", R"("127.0.0.1")", "listen.log: wanted"},
      {"/listen/log", "{}", "listen.log: wanted a string"},
      {"/listen/internal", R"("127.0.0.1:65536")", "listen.internal: wanted"},
      {"/listen/internal", R"("127.0.0.1:5555")", "found 127.0.0.1:5555 twice"},
      {"/listen", R"({"log": "127.0.0.1:0", "public": "127.0.0.1:0"})", ""},
      {"/listen/trusted-proxies", R"(["127.0.0.1/32", "fd00::/8"])", ""},
      {"/listen/trusted-proxies", "[]", ""},
      {"/limits", "{}", ""},
      {"/limits", R"({"per-address": {"rate": "unlimited"}})", ""},
      {"/limits", R"({"per-address": {"rate": "100/m", "burst": 1, "exempt": []}})", ""},
      {"/limits", R"({"per-address": {"rate": "1000000/h", "burst": 1000000}})", ""},
      {"/limits", R"({"per-client": {}})", "per-client"},
      {"/limits", R"({"per-address": {"rate": "0/s"}})", "per-address.rate: wanted requests"},
      {"/limits", R"({"per-address": {"rate": "050/s"}})", "per-address.rate: wanted requests"},
      {"/limits", R"({"per-address": {"rate": "-1/s"}})", "per-address.rate: wanted requests"},
      {"/limits", R"({"per-address": {"rate": "50"}})", "per-address.rate: wanted requests"},
      {"/limits", R"({"per-address": {"rate": "50/d"}})", "per-address.rate: wanted requests"},
      {"/limits", R"({"per-address": {"rate": "1000001/s"}})", "wanted requests"},
      {"/limits", R"({"per-address": {"burst": 0}})", "per-address.burst"},
      {"/limits", R"({"per-address": {"exempt": ["10.0.0.1"]}})", "exempt[0]: wanted a network"},
      {"/listen/trusted-proxies", R"("127.0.0.1/32")", "trusted-proxies: wanted a list"},
      {"/listen/trusted-proxies", R"(["127.0.0.1"])", "trusted-proxies[0]: wanted a network"},
      {"/listen/trusted-proxies", R"(["::/0", "10.0.0.1/8"])", "[1]: the address has bits behind"},
      {"/listen/proxies", "[]", "listen.proxies: unknown key"},
  };
  CheckCases(kCases);
}

TEST_CASE("top level") {
  const Case kCases[] = {
      {"/state", "", "'state' is missing"},
      {"/issuers", "", "'issuers' is missing"},
      {"/policy", "", "'policy' is missing"},
      {"/ca", "", "'ca' is missing"},
      {"/log", "", "'log' is missing"},
      {"/state", R"("")", "state: is empty"},
      {"/state", R"("a\u0000b")", "state: has a control character"},
      {"/state", R"("a\nb")", "state: has a control character"},
      {"/state", "null", "state: wanted a string"},
      {"/policy", "[]", "policy: wanted a string"},
      {"/polisy", R"("x")", "polisy: unknown key; did you mean 'policy'?"},
      {"/entirely-other", "1", "entirely-other: unknown key"},
      {"/url", R"("https://ca.example.org")", ""},
      {"/url", R"("https://ca.example.org:8443/chancery")", ""},
      {"/url", R"("http://x")", ""},
      {"/url", R"("ca.example.org")", "url: wanted http(s)"},
      {"/url", R"("https://ca.example.org/")", "url: wanted http(s)"},
      {"/url", R"("https:///x")", "url: wanted http(s)"},
      {"/url", R"("https://")", "url: wanted http(s)"},
      {"/url", R"("ftp://x")", "url: wanted http(s)"},
      {"/url", R"("https://a@b")", "url: wanted http(s)"},
      {"/url", R"("https://a?b")", "url: wanted http(s)"},
      {"/url", R"("https://a b")", "url: wanted http(s)"},
  };
  CheckCases(kCases);
}

TEST_CASE("ca") {
  const Case kCases[] = {
      {"/ca", "[]", "ca: wanted a map"},
      {"/ca/chain", "", "'chain' is missing"},
      {"/ca/key", "", "'key' is missing"},
      {"/ca/key", R"("file:ca.key")", "ca.key: wanted a PKCS#11 URI"},
      {"/ca/key", R"("PKCS11:token=t")", "ca.key: wanted a PKCS#11 URI"},
      {"/ca/sessions", "1", ""},
      {"/ca/sessions", "64", ""},
      {"/ca/sessions", "0", "ca.sessions: must be from 1 to 64"},
      {"/ca/sessions", "65", "ca.sessions: must be from 1 to 64"},
      {"/ca/sessions", "-1", "ca.sessions: must be from 1 to 64"},
      {"/ca/sessions", "1.5", "ca.sessions: wanted a whole number"},
      {"/ca/sessions", R"("2")", "ca.sessions: wanted a whole number"},
      {"/ca/lifetime", R"("1m")", ""},
      {"/ca/lifetime", R"("24h")", ""},
      {"/ca/lifetime", R"("59s")", "ca.lifetime: must be from 1m to 1d"},
      {"/ca/lifetime", R"("86401s")", "ca.lifetime: must be from"},
      {"/ca/lifetime", R"("60500ms")", "ca.lifetime: must be whole seconds"},
      {"/ca/lifetime", "600", "ca.lifetime: wanted a duration"},
      {"/ca/lifetime", R"("-10m")", "ca.lifetime: wanted a duration"},
      {"/ca/backdate", R"("0s")", ""},
      {"/ca/backdate", R"("5m")", ""},
      {"/ca/backdate", R"("301s")", "ca.backdate: must be from 0s to 5m"},
      {"/ca/backdate", R"("1500ms")", "ca.backdate: must be whole seconds"},
      {"/ca/sign-deadline", R"("100ms")", ""},
      {"/ca/sign-deadline", R"("30s")", ""},
      {"/ca/sign-deadline", R"("99ms")", "ca.sign-deadline: must be from 100ms to 30s"},
      {"/ca/sign-deadline", R"("31s")", "ca.sign-deadline: must be from 100ms to 30s"},
      {"/ca/waive-key-attributes", R"(["CKA_LOCAL", "CKA_DERIVE"])", ""},
      {"/ca/waive-key-attributes", R"(["CKA_SIGN"])", "ca.waive-key-attributes: 'CKA_SIGN' is no"},
      {"/ca/waive-key-attributes", R"(["local"])", "ca.waive-key-attributes: 'local' is no"},
      {"/ca/waive-key-attributes", "{}", "ca.waive-key-attributes: wanted"},
      {"/ca/context-login", "true", ""},
      {"/ca/rotation", R"("rotation.yaml")", ""},
      {"/ca/rotation", R"("")", "ca.rotation"},
      {"/ca/lead", R"("0s")", ""},
      {"/ca/lead", R"("366d")", "ca.lead: must be from"},
      {"/hsm", "{}", ""},
      {"/hsm", R"({"net": []})", "unknown key"},
      {"/hsm/network", "[]", ""},
      {"/hsm/network", R"(["hsm1.example.org", "10.0.0.7:1792", "[fd00::1]:9000"])", ""},
      {"/hsm/network", "{}", "hsm.network: wanted"},
      {"/hsm/network", R"([""])", "hsm.network: wanted names or addresses"},
      {"/hsm/network", R"(["a b"])", "hsm.network: wanted names or addresses"},
      {"/hsm", R"({"socket": "/run/s", "front": "chancery", "state": "/s"})", ""},
      {"/hsm", R"({"socket": "run/s", "front": 990, "state": "s"})", ""},
      {"/hsm", R"({"state": "signer"})", ""},
      {"/hsm", R"({"socket": "/run/s", "state": "/s"})", "'front' is missing"},
      {"/hsm", R"({"socket": "/run/s", "front": "chancery"})", "'state' is missing"},
      {"/hsm", R"({"front": "chancery"})", "hsm.front: means nothing without hsm.socket"},
      {"/hsm", R"({"socket": "/run/s", "front": "a b", "state": "/s"})",
       "hsm.front: wanted the name"},
      {"/hsm", R"({"socket": "/run/s", "front": "-1", "state": "/s"})",
       "hsm.front: wanted the name"},
      {"/hsm", R"({"socket": "", "front": "a", "state": "/s"})", "hsm.socket: is empty"},
      {"/ca/context-login", R"("true")", "ca.context-login: wanted"},
      {"/log/certificates/waive-key-attributes", R"(["CKA_LOCAL"])", ""},
      {"/log/events/waive-key-attributes", R"(["CKA_LOCAL"])", "unknown key"},
      {"/ca/module-env", "[]", "ca.module-env: wanted a map"},
      {"/ca/module-env", R"({"A B": "x"})", "not the name of an environment variable"},
      {"/ca/module-env", R"({"1A": "x"})", "not the name of an environment variable"},
      {"/ca/module-env", R"({"": "x"})", "not the name of an environment variable"},
      {"/ca/module-env", R"({"A=B": "x"})", "not the name of an environment variable"},
      {"/ca/module-env", R"({"A": ""})", "ca.module-env.A: is empty"},
      {"/ca/module-env", R"({"A": null})", "ca.module-env.A: wanted a string"},
      {"/ca/lifetimes", R"("10m")", "ca.lifetimes: unknown key; did you mean 'lifetime'?"},
  };
  CheckCases(kCases);
}

TEST_CASE("log") {
  const Case kCases[] = {
      {"/log/certificates", "", "'certificates' is missing"},
      {"/log/events", "", "'events' is missing"},
      {"/log/checkpoint", R"("100ms")", ""},
      {"/log/checkpoint", R"("1m")", ""},
      {"/log/checkpoint", R"("99ms")", "log.checkpoint: must be from 100ms to 1m"},
      {"/log/checkpoint", R"("61s")", "log.checkpoint: must be from 100ms to 1m"},
      {"/log/precertificate", R"("ca")", ""},
      {"/log/precertificate", R"("signer")", "'precertificate-key' is missing"},
      {"/log/precertificate", "true", "wanted 'ca', the issuing key, or 'signer'"},
      {"/log/precertificate-key", R"("file:x")",
       "log.precertificate-key: is for 'precertificate: signer' only"},
      {"/log/precertificate-chain", R"("x.pem")",
       "log.precertificate-chain: is for 'precertificate: signer' only"},
      {"/log/precertificate-waive-key-attributes", "[]", "is for 'precertificate: signer' only"},
      {"/log/precertificate-backlog", "1", ""},
      {"/log/precertificate-backlog", "1000000", ""},
      {"/log/precertificate-backlog", "0", "must be from 1 to 1000000"},
      {"/log/precertificate-backlog", "1000001", "must be from 1 to 1000000"},
      {"/log/redact-claims", R"(["email", "name"])", ""},
      {"/log/redact-claims", R"(["email", ""])", "log.redact-claims: holds an empty name"},
      {"/log/redact-claims", "{}", "log.redact-claims: wanted a list"},
  };
  CheckCases(kCases);
}

TEST_CASE("log.precertificate: signer") {
  const auto base = With(With(With(Minimal(), "/log/precertificate", R"("signer")"),
                              "/log/precertificate-key", R"("file:pre.key")"),
                         "/log/precertificate-chain", R"("pre.pem")");
  const auto config = Parse(base);
  REQUIRE(config);
  REQUIRE(config->log.precertificate);
  CHECK_EQ(config->log.precertificate->key, "file:/etc/chancery/pre.key");
  CHECK_EQ(config->log.precertificate->chain, "/etc/chancery/pre.pem");
  CHECK(config->log.precertificate->waive_key_attributes.empty());
  CHECK_FALSE(Parse(Minimal())->log.precertificate);

  const Case kCases[] = {
      {"/log/precertificate-key", R"("pkcs11:token=t;object=pre")", ""},
      {"/log/precertificate-key", R"("pre.key")", "wanted 'file:PATH' or 'pkcs11:"},
      {"/log/precertificate-key", "", "'precertificate-key' is missing"},
      {"/log/precertificate-chain", "", "'precertificate-chain' is missing"},
      {"/log/precertificate-waive-key-attributes", R"(["CKA_LOCAL"])", ""},
      {"/log/precertificate-waive-key-attributes", R"(["CKA_SIGN"])", "'CKA_SIGN' is no"},
      {"/log/precertificate", R"("ca")", "is for 'precertificate: signer' only"},
  };
  CheckCases(kCases, base);
}

TEST_CASE("ca.clock") {
  CHECK_FALSE(Parse(Minimal())->ca.kernel_clock);
  CHECK(Parse(With(Minimal(), "/ca/clock", R"("kernel")"))->ca.kernel_clock);
  const Case kCases[] = {{"/ca/clock", R"("trusted")", ""},
                         {"/ca/clock", "true", "ca.clock: wanted 'kernel'"}};
  CheckCases(kCases);
}

TEST_CASE("tsa") {
  const auto config = Parse(WithParts());
  REQUIRE(config);
  REQUIRE(config->tsa);
  CHECK_EQ(config->tsa->key, "file:/etc/chancery/tsa.key");
  CHECK_EQ(config->tsa->chain, "/etc/chancery/tsa-chain.pem");
  CHECK_EQ(config->tsa->policy, "2.999.1");
  CHECK_EQ(config->tsa->accuracy, std::chrono::seconds(1));
  CHECK_FALSE(config->tsa->include_chain);
  CHECK(config->tsa->kernel_clock);
  CHECK_FALSE(Parse(Minimal())->tsa);

  CHECK_EQ(Parse(Minimal())->tuf, "");

  const Case kCases[] = {
      {"/tuf", R"("tuf")", ""},
      {"/tuf", R"("")", "tuf: "},
      {"/tsa", "null", "tsa: wanted a map"},
      {"/tsa", "true", "tsa: wanted a map"},
      {"/tsa/key", R"("pkcs11:token=t;object=tsa")", ""},
      {"/tsa/key", R"("tsa.key")", "tsa.key: wanted 'file:PATH' or 'pkcs11:"},
      {"/tsa/key", "", "'key' is missing"},
      {"/tsa/chain", "", "'chain' is missing"},
      {"/tsa/chain", R"("")", "tsa.chain: "},
      {"/tsa/policy", "", "'policy' is missing"},
      {"/tsa/policy", R"("1.3.6.1.4.1.57264.2")", ""},
      {"/tsa/policy", R"("0.39")", ""},
      {"/tsa/policy", R"("1.40")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("3.1")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2.999.")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2..999")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2.09")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2.-1")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("2.999999999999999999")", ""},
      {"/tsa/policy", R"("2.1000000000000000000")", "tsa.policy: wanted an object identifier"},
      {"/tsa/policy", R"("sigstore")", "tsa.policy: wanted an object identifier"},
      {"/tsa/include-chain", "true", ""},
      {"/tsa/include-chain", "1", "tsa.include-chain: "},
      {"/tsa/accuracy", R"("60s")", ""},
      {"/tsa/accuracy", R"("1m")", ""},
      {"/tsa/accuracy", R"("0s")", "tsa.accuracy: must be whole seconds from 1s to 60s"},
      {"/tsa/accuracy", R"("61s")", "tsa.accuracy: must be whole seconds from 1s to 60s"},
      {"/tsa/accuracy", R"("1500ms")", "tsa.accuracy: must be whole seconds from 1s to 60s"},
      {"/tsa/clock", R"("trusted")", ""},
      {"/tsa/clock", R"("ntp")", "tsa.clock: wanted 'kernel'"},
      {"/tsa/waive-key-attributes", R"(["CKA_LOCAL"])", ""},
      {"/tsa/waive-key-attributes", R"(["CKA_SIGN"])", "'CKA_SIGN' is no"},
      {"/tsa/keys", R"("file:x")", "tsa.keys: unknown key"},
  };
  CheckCases(kCases, WithParts());
}

TEST_CASE("shards") {
  const Case kCases[] = {
      {"/log/certificates/shard", "2026", ""},
      {"/log/certificates/shard", R"("2026-h1.b")", ""},
      {"/log/certificates/shard", R"("..")", "certificates.shard: wanted up to 64"},
      {"/log/certificates/shard", R"(".hidden")", "certificates.shard: wanted up to 64"},
      {"/log/certificates/shard", R"("a/b")", "certificates.shard: wanted up to 64"},
      {"/log/certificates/shard", R"("A")", "certificates.shard: wanted up to 64"},
      {"/log/certificates/origin", R"("ca.example/events/2026")",
       "events.origin: is the origin of"},
      {"/log/certificates/origin", R"("https://ca.example")", "certificates.origin: wanted a name"},
      {"/log/certificates/origin", R"("ca.example/")", "certificates.origin: wanted a name"},
      {"/log/certificates/origin", R"("ca example")", "certificates.origin: wanted a name"},
      {"/log/certificates/origin", R"("ca+example")", "certificates.origin: wanted a name"},
      {"/log/certificates/origin", R"("cä.example")", "certificates.origin: wanted a name"},
      {"/log/certificates/key", R"("pkcs11:token=t;object=log")", ""},
      {"/log/certificates/key", R"("file:/run/log.key")", ""},
      {"/log/certificates/key", R"("file:///run/log.key")", ""},
      {"/log/certificates/key", R"("file://host/log.key")", "wanted 'file:PATH' or 'pkcs11:"},
      {"/log/certificates/key", R"("file:")", "wanted 'file:PATH' or 'pkcs11:"},
      {"/log/certificates/key", R"("log.key")", "wanted 'file:PATH' or 'pkcs11:"},
      {"/log/certificates/key", "", "'key' is missing"},
      {"/log/certificates/note-key", R"("pkcs11:token=t")", "wanted 'file:PATH' of an Ed25519 key"},
      {"/log/certificates/note-key", "", "'note-key' is missing"},
      {"/log/events/shard", "", "'shard' is missing"},
      {"/log/events/origin", "", "'origin' is missing"},
      {"/log/events/note-key", "", "'note-key' is missing"},
      {"/log/events/key", R"("file:x")", "log.events.key: unknown key"},
  };
  CheckCases(kCases);
  const std::string long_shard = "\"" + std::string(65, 'a') + "\"";
  CHECK_FALSE(Parse(With(Minimal(), "/log/events/shard", long_shard)));
  CHECK(Parse(With(Minimal(), "/log/events/shard", "\"" + long_shard.substr(2))));
}

TEST_CASE("errors say where") {
  const auto config =
      ParseConfig("state: s\nissuers: i\npolicy: p\nca:\n  chain: c\n  sesions: 2\n", "/c.yaml");
  REQUIRE_FALSE(config);
  CHECK_EQ(config.error().detail, "line 6: ca.sesions: unknown key; did you mean 'sessions'?");
  CHECK(ParseConfig("", "/c.yaml").error().Is(schema::kBadSetting));
  CHECK(ParseConfig("[]", "/c.yaml").error().Is(schema::kBadSetting));
  CHECK(ParseConfig("state: {", "/c.yaml").error().Is(schema::kBadDocument));
  CHECK(ParseConfig("state: a\nstate: b\n", "/c.yaml").error().Is(schema::kBadDocument));
}

TEST_CASE("the example for operators") {
  const auto text = schema::ReadFile("config/chancery.yaml");
  REQUIRE(text);
  const auto config = ParseConfig(*text, "/etc/chancery/chancery.yaml");
  REQUIRE(config);
  CHECK_EQ(config->state, "/var/lib/chancery");
  CHECK_EQ(config->ca.module_env.at("SOFTHSM2_CONF"), "/etc/chancery/softhsm2.conf");
  CHECK_EQ(config->listen.trusted_proxies.size(), 1);
  CHECK_EQ(config->log.certificates.shard, "2026");
}

}  // namespace
