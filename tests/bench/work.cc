#include "tests/bench/work.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <thread>

#include "schema/base/base64.h"
#include "schema/base/file.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace bench {
namespace {

// As tests/support/oidc_issuer.py mints them; the policy of its state allows this repository.
constexpr std::string_view kSubject = "repo:acme/app:ref:refs/heads/main";

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

schema::Bytes Proof(EVP_PKEY* key) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  schema::Bytes out(128);
  std::size_t size = out.size();
  const schema::BytesView subject = schema::AsBytes(kSubject);
  MUST(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr) ==
       1);
  MUST(EVP_DigestSign(context.get(), out.data(), &size, subject.data(), subject.size()) == 1);
  out.resize(size);
  return out;
}

std::string Request(const support::TokenMinter& minter, const Target& target, bool spoil) {
  std::string token = minter.MintRaw(minter.Header(), Claims(target, RandomHex()));
  if (spoil) {
    char& first = token[token.rfind('.') + 1];
    first = first == 'A' ? 'B' : 'A';
  }
  const std::string body = Body();
  return "POST /api/v2/signingCert HTTP/1.1\r\nHost: " + target.address +
         "\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

support::TokenMinter LoadMinter(const std::string& file) {
  const std::string pem = *schema::ReadFile(file);
  const schema::OwnedBio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  schema::OwnedKey key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  MUST(key != nullptr);
  return support::TokenMinter("RS256", "rsa", std::move(key));
}

std::string Claims(const Target& target, std::string_view jti) {
  constexpr std::string_view kSha = "2222222222222222222222222222222222222222";
  constexpr std::string_view kFlow = "acme/app/.github/workflows/release.yml@refs/heads/main";
  const auto now = schema::ToSeconds(schema::SystemClock().Now()).time_since_epoch().count();
  return schema::Json{{"iss", target.issuer},
                      {"aud", "sigstore"},
                      {"sub", kSubject},
                      {"iat", now},
                      {"nbf", now},
                      {"exp", now + 300},
                      {"jti", jti},
                      {"repository", "acme/app"},
                      {"repository_id", "12345"},
                      {"repository_owner", "acme"},
                      {"repository_owner_id", "678"},
                      {"repository_visibility", "private"},
                      {"ref", "refs/heads/main"},
                      {"ref_type", "branch"},
                      {"sha", kSha},
                      {"workflow", "Release"},
                      {"workflow_ref", kFlow},
                      {"workflow_sha", kSha},
                      {"job_workflow_ref", kFlow},
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

std::string Body() {
  const schema::OwnedKey key(EVP_EC_gen("P-256"));
  MUST(key != nullptr);
  return schema::Json{{"publicKeyRequest",
                       {{"publicKey", {{"algorithm", "ECDSA"}, {"content", PublicPem(key.get())}}},
                        {"proofOfPossession", schema::Base64(Proof(key.get()))}}}}
      .dump();
}

std::vector<std::string> MakeRequests(const support::TokenMinter& minter, const Target& target,
                                      std::size_t count, bool spoil) {
  std::vector<std::string> out(count);
  const std::size_t workers = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::size_t i = worker; i < count; i += workers) out[i] = Request(minter, target, spoil);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return out;
}

}  // namespace bench
