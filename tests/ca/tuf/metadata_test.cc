#include "ca/tuf/metadata.h"

#include <doctest/doctest.h>

#include "tests/support/test_ca.h"

namespace {

using ca::tuf::Document;
using ca::tuf::Role;
using schema::Json;

class P256Key {
 public:
  schema::SpkiDer spki() const { return support::SpkiOf(key_.get()); }
  schema::Signature Sign(const std::string& text) const {
    const schema::OwnedDigestContext context(EVP_MD_CTX_new());
    MUST(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key_.get(),
                               nullptr) == 1);
    schema::Bytes out(80);
    std::size_t size = out.size();
    const schema::BytesView message = schema::AsBytes(text);
    MUST(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
    out.resize(size);
    return schema::Signature(std::move(out));
  }

 private:
  schema::OwnedKey key_{EVP_EC_gen("P-256")};
};

const schema::Time kExpires{std::chrono::seconds(1'800'000'000)};

TEST_CASE("canonical JSON escapes quote and backslash, and nothing else") {
  const Json value = {
      {"b", {1, true, "a\"\\\n\x01é"}}, {"a", Json::object()}, {"A", Json::array()}};
  CHECK_EQ(ca::tuf::Canonical(value), "{\"A\":[],\"a\":{},\"b\":[1,true,\"a\\\"\\\\\n\x01é\"]}");
}

// By securesystemslib 1.6.0: SSLibKey.from_crypto of this key has this id.
TEST_CASE("a key's id is what other implementations compute") {
  const auto key = ca::tuf::KeyOfPem(
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
      "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
      "-----END PUBLIC KEY-----\n");
  REQUIRE(key);
  CHECK_EQ(key->id, "cf4736fae1a3a019d3506e4345cfb6549c7aa731eb5c19f61b60f0175882edcf");
}

TEST_CASE("keys of another kind are refused") {
  for (const char* pem : {"", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                          // Ed25519
                          "-----BEGIN PUBLIC KEY-----\n"
                          "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                          "-----END PUBLIC KEY-----\n"}) {
    const auto key = ca::tuf::KeyOfPem(pem);
    REQUIRE_FALSE(key);
    CHECK(key.error().Is(ca::tuf::kBadMetadata));
  }
}

ca::tuf::Root MakeRoot(const std::vector<ca::tuf::Key>& keys, std::size_t threshold) {
  ca::tuf::Root root{{1, kExpires}, {}, {}};
  for (const Role role : ca::tuf::kRoles) {
    for (const ca::tuf::Key& key : keys) {
      root.keys.emplace(key.id, key);
      root.roles[role].keys.push_back(key.id);
    }
    root.roles[role].threshold = threshold;
  }
  return root;
}

TEST_CASE("a root is read as it was written, and each change of it is refused") {
  const P256Key one, two;
  const std::vector keys = {*ca::tuf::KeyOf(one.spki()), *ca::tuf::KeyOf(two.spki())};
  const Document document{ca::tuf::WriteRoot(MakeRoot(keys, 2)), {}};
  const auto parsed = ca::tuf::ParseDocument(ca::tuf::FormatDocument(document), "root.json");
  REQUIRE(parsed);
  const auto root = ca::tuf::ReadRoot(*parsed);
  REQUIRE(root);
  CHECK_EQ(ca::tuf::WriteRoot(*root), document.part);
  CHECK_EQ(root->head.expires, kExpires);

  struct Change {
    const char* at;
    const char* to;  // JSON; "": the member is taken away
    const char* why;
  };
  const Change kChanges[] = {
      {"/_type", R"("targets")", "_type is another"},
      {"/version", "", "no version"},
      {"/version", "-1", "no version"},
      {"/version", "1.5", "no version"},
      {"/expires", R"("soon")", "expires"},
      {"/keys", "", "no keys"},
      {"/roles", "[]", "no keys or no roles"},
      {"/roles/root", "", "role root is incomplete"},
      {"/roles/snapshot/threshold", "0", "for none"},
      {"/roles/targets/threshold", "3", "more signatures than it has keys"},
      {"/roles/timestamp/keyids/0", R"("0000")", "names a key that is not there"},
      {"/roles/timestamp/keyids/0", "7", "names a key that is not there"},
  };
  for (const Change& change : kChanges) {
    CAPTURE(change.at);
    CAPTURE(change.to);
    Document changed = document;
    const Json::json_pointer at(change.at);
    if (change.to[0] == '\0') {
      changed.part.at(at.parent_pointer()).erase(at.back());
    } else {
      changed.part.at(at) = Json::parse(change.to);
    }
    const auto refused = ca::tuf::ReadRoot(changed);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::tuf::kBadMetadata));
    CHECK_MESSAGE(refused.error().detail.find(change.why) != std::string::npos,
                  refused.error().detail);
  }
  // A key under the id of another.
  Document swapped = document;
  std::swap(swapped.part["keys"][keys[0].id], swapped.part["keys"][keys[1].id]);
  CHECK_FALSE(ca::tuf::ReadRoot(swapped));
}

TEST_CASE("only signatures that verify, of the role's own keys, count") {
  const P256Key one, two, stranger;
  const std::vector keys = {*ca::tuf::KeyOf(one.spki()), *ca::tuf::KeyOf(two.spki())};
  const ca::tuf::Root root = MakeRoot(keys, 2);
  Document document{ca::tuf::WriteRoot(root), {}};
  const auto sign = [&](const P256Key& key) { return key.Sign(ca::tuf::Canonical(document.part)); };
  document.signatures.emplace(keys[0].id, sign(one));
  document.signatures.emplace(ca::tuf::KeyOf(stranger.spki())->id, sign(stranger));
  document.signatures.emplace(keys[1].id, sign(stranger));  // under another's id
  CHECK_EQ(ca::tuf::CountSigned(document, root, Role::kRoot), 1);
  const auto refused = ca::tuf::CheckSigned(document, root, Role::kRoot);
  REQUIRE_FALSE(refused);
  CHECK_NE(refused.error().detail.find("1 of 2 signatures"), std::string::npos);
  document.signatures.insert_or_assign(keys[1].id, sign(two));
  CHECK(ca::tuf::CheckSigned(document, root, Role::kRoot));
  document.part["version"] = 2;
  CHECK_EQ(ca::tuf::CountSigned(document, root, Role::kRoot), 0);
}

TEST_CASE("targets name files and their digests") {
  const std::string digest(64, 'a');
  const auto read = [](const Json& targets) {
    Document document{ca::tuf::MakePart(Role::kTargets, {1, kExpires}), {}};
    document.part["targets"] = targets;
    return ca::tuf::ReadTargets(document);
  };
  const auto good = read({{"a.json", {{"length", 1}, {"hashes", {{"sha256", digest}}}}}});
  REQUIRE(good);
  CHECK_EQ(good->at("a.json"), digest);
  const Json hashes = {{"hashes", {{"sha256", digest}}}};
  for (const Json& bad : {Json(7), Json::object({{"a", 7}}), Json::object({{"a", Json::object()}}),
                          Json::object({{"a", {{"hashes", {{"sha256", 7}}}}}}),
                          Json::object({{"a", {{"hashes", {{"sha256", digest + "aa"}}}}}}),
                          Json::object({{"a", {{"hashes", {{"sha256", std::string(64, 'A')}}}}}}),
                          Json::object({{"", hashes}}), Json::object({{"../a", hashes}})}) {
    CAPTURE(bad.dump());
    const auto refused = read(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::tuf::kBadMetadata));
  }
}

TEST_CASE("documents that are none") {
  for (
      const char* text :
      {"", "{", "[]", "{}", R"({"signed": {}})", R"({"signed": {"a": 1.5}, "signatures": []})",
       R"({"signed": {"a": [null]}, "signatures": []})", R"({"signed": [], "signatures": []})",
       R"({"signed": {}, "signatures": [{}]})", R"({"signed": {}, "signatures": [7]})",
       R"({"signed": {}, "signatures": [{"keyid": "a", "sig": "0"}]})",
       R"({"signed": {}, "signatures": [{"keyid": "a", "sig": "0G"}]})",
       R"({"signed": {}, "signatures": [{"keyid": "a", "sig": ""}, {"keyid": "a", "sig": ""}]})"}) {
    CAPTURE(text);
    const auto refused = ca::tuf::ParseDocument(text, "file");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::tuf::kBadMetadata));
    CHECK(refused.error().detail.starts_with("file: "));
  }
}

}  // namespace
