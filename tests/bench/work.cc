#include "tests/bench/work.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <thread>

#include "schema/base/base64.h"
#include "schema/base/file.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace bench {
namespace {

// As tests/support/oidc_issuer.py mints them.
std::string RefOf(const Identity& identity) { return "refs/heads/" + identity.branch; }

std::string SubjectOf(const Identity& identity) {
  return "repo:" + identity.repository + ":ref:" + RefOf(identity);
}

std::string RandomHex() {
  std::array<unsigned char, 16> bytes;
  MUST(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return schema::Hex(bytes);
}

std::string PublicPem(EVP_PKEY* key) {
  const schema::OwnedBio out(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_PUBKEY(out.get(), key) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

schema::Bytes Proof(EVP_PKEY* key, const std::string& text) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  schema::Bytes out(128);
  std::size_t size = out.size();
  const schema::BytesView message = schema::AsBytes(text);
  MUST(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr) ==
       1);
  MUST(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  return out;
}

std::string RepositoryOf(Want want) {
  if (want == Want::kDenied) return "evil/app";
  return want == Want::kDeniedAnew ? "evil/" + RandomHex() : kAllowed;
}

Identity IdentityOf(const Target& target, Want want) {
  Identity identity{.repository = RepositoryOf(want)};
  if (target.branches > 1) {
    std::uint32_t random = 0;
    MUST(RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random) == 1);
    identity.branch = "topic-" + std::to_string(random % target.branches);
  }
  return identity;
}

std::string Post(const Target& target, const std::string& path, const std::string& fields,
                 const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: " + target.address + "\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// TimeStampReq (RFC 3161 2.4.1): version 1 and a SHA-256 imprint, as cosign sends it.
std::string TimestampRequest(const Target& target) {
  static constexpr std::array<unsigned char, 24> kBefore = {
      0x30, 0x36, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
      0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  std::array<unsigned char, 32> digest;
  MUST(RAND_bytes(digest.data(), static_cast<int>(digest.size())) == 1);
  std::string body(kBefore.begin(), kBefore.end());
  body.append(digest.begin(), digest.end());
  return Post(target, "/api/v1/timestamp", "Content-Type: application/timestamp-query\r\n", body);
}

std::string Request(const support::TokenMinter& minter, const Target& target, Want want) {
  if (want == Want::kTimestamp) return TimestampRequest(target);
  const Identity identity = IdentityOf(target, want);
  std::string token = minter.MintRaw(minter.Header(), Claims(target, RandomHex(), identity));
  if (want == Want::kBadToken) {
    char& first = token[token.rfind('.') + 1];
    first = first == 'A' ? 'B' : 'A';
  }
  return Post(target, "/api/v2/signingCert",
              "Content-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n",
              Body(identity));
}

}  // namespace

const std::string kAllowed = "acme/app";

support::TokenMinter LoadMinter(const std::string& file) {
  const std::string pem = *schema::ReadFile(file);
  const schema::OwnedBio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  schema::OwnedKey key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  MUST(key != nullptr);
  return support::TokenMinter("RS256", "rsa", std::move(key));
}

std::string Claims(const Target& target, std::string_view jti, const Identity& identity) {
  const std::string& repository = identity.repository;
  const std::string owner = repository.substr(0, repository.find('/'));
  constexpr std::string_view kSha = "2222222222222222222222222222222222222222";
  const std::string flow = repository + "/.github/workflows/release.yml@" + RefOf(identity);
  const auto now = schema::ToSeconds(schema::SystemClock().Now()).time_since_epoch().count();
  return schema::Json{{"iss", target.issuer},
                      {"aud", "sigstore"},
                      {"sub", SubjectOf(identity)},
                      {"iat", now},
                      {"nbf", now},
                      {"exp", now + 300},
                      {"jti", jti},
                      {"repository", repository},
                      {"repository_id", repository == kAllowed ? "12345" : "666"},
                      {"repository_owner", owner},
                      {"repository_owner_id", repository == kAllowed ? "678" : "666"},
                      {"repository_visibility", "private"},
                      {"ref", RefOf(identity)},
                      {"ref_type", "branch"},
                      {"sha", kSha},
                      {"workflow", "Release"},
                      {"workflow_ref", flow},
                      {"workflow_sha", kSha},
                      {"job_workflow_ref", flow},
                      {"job_workflow_sha", kSha},
                      {"event_name", "push"},
                      {"run_id", "42"},
                      {"run_attempt", "1"},
                      {"run_number", "7"},
                      {"runner_environment", "github-hosted"},
                      {"actor", "octocat"},
                      {"actor_id", "1"}}
      .dump();
}

std::string Body(const Identity& identity) {
  const schema::OwnedKey key(EVP_EC_gen("P-256"));
  MUST(key != nullptr);
  return schema::Json{
      {"publicKeyRequest",
       {{"publicKey", {{"algorithm", "ECDSA"}, {"content", PublicPem(key.get())}}},
        {"proofOfPossession", schema::Base64(Proof(key.get(), SubjectOf(identity)))}}}}
      .dump();
}

std::vector<std::string> MakeRequests(const support::TokenMinter& minter, const Target& target,
                                      std::size_t count, Want want) {
  std::vector<std::string> out(count);
  const std::size_t workers = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::size_t i = worker; i < count; i += workers) out[i] = Request(minter, target, want);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return out;
}

}  // namespace bench
