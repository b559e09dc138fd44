#include "tests/http/canned_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace support {
namespace {

using schema::Owned;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedCert = Owned<X509, X509_free>;

void Extend(X509* cert, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  MUST(extension != nullptr && X509_add_ext(cert, extension.get(), -1) == 1);
}

OwnedCert Certify(EVP_PKEY* key, const char* name, X509* issuer, EVP_PKEY* issuer_key,
                  long serial) {
  OwnedCert cert(X509_new());
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* by = issuer == nullptr ? cert.get() : issuer;
  X509_set_issuer_name(cert.get(), X509_get_subject_name(by));
  if (issuer == nullptr)
    Extend(cert.get(), by, NID_basic_constraints, "critical,CA:TRUE");
  else
    Extend(cert.get(), by, NID_subject_alt_name, name);
  MUST(X509_sign(cert.get(), issuer_key, EVP_sha256()) > 0);
  return cert;
}

// The same calls on a plain socket and on TLS.
struct Stream {
  int fd;
  SSL* tls;

  int Read(char* data, int size) const {
    return tls != nullptr ? SSL_read(tls, data, size)
                          : static_cast<int>(recv(fd, data, static_cast<std::size_t>(size), 0));
  }
  bool Write(const std::string& bytes) const {
    if (bytes.empty()) return true;
    if (tls != nullptr) return SSL_write(tls, bytes.data(), static_cast<int>(bytes.size())) > 0;
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t size = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (size <= 0) return false;
      done += static_cast<std::size_t>(size);
    }
    return true;
  }
};

}  // namespace

TlsIdentity::TlsIdentity(const std::string& subject_alt_name)
    : context(SSL_CTX_new(TLS_server_method())) {
  const OwnedKey ca_key(EVP_EC_gen("P-256"));
  const OwnedKey key(EVP_EC_gen("P-256"));
  const OwnedCert ca = Certify(ca_key.get(), "test CA", nullptr, ca_key.get(), 1);
  const OwnedCert cert = Certify(key.get(), subject_alt_name.c_str(), ca.get(), ca_key.get(), 2);
  MUST(SSL_CTX_use_certificate(context.get(), cert.get()) == 1);
  MUST(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  const Owned<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_X509(out.get(), ca.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  ca_pem.assign(data, static_cast<std::size_t>(size));
}

CannedServer::CannedServer(Answer answer, TlsIdentity* tls)
    : answer_(std::move(answer)), tls_(tls) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  MUST(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
       listen(listener_, 64) == 0);
  MUST(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

CannedServer::~CannedServer() {
  stop_ = true;
  thread_.join();
  close(listener_);
}

std::string CannedServer::Url(const std::string& path, const std::string& host) const {
  return (tls_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_) + path;
}

std::vector<std::string> CannedServer::paths() const {
  const std::lock_guard lock(mutex_);
  return paths_;
}

std::vector<std::string> CannedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string CannedServer::Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

std::string CannedServer::Redirect(const std::string& location) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location +
         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

void CannedServer::Run() {
  while (!stop_) {
    pollfd wait{listener_, POLLIN, 0};
    if (poll(&wait, 1, 20) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const timeval limit{2, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    Talk(fd);
    close(fd);
  }
}

void CannedServer::Talk(int fd) {
  Owned<SSL, SSL_free> tls;
  if (tls_ != nullptr) {
    tls.reset(SSL_new(tls_->context.get()));
    SSL_set_fd(tls.get(), fd);
    if (SSL_accept(tls.get()) != 1) return;
  }
  const Stream stream{fd, tls.get()};
  std::string head;
  std::array<char, 4096> bytes;
  std::size_t length = 0;  // of head and body
  while (length == 0 || head.size() < length) {
    const int size = stream.Read(bytes.data(), static_cast<int>(bytes.size()));
    if (size <= 0) return;
    head.append(bytes.data(), static_cast<std::size_t>(size));
    const std::size_t end = head.find("\r\n\r\n");
    if (length > 0 || end == std::string::npos) continue;
    const std::size_t field = head.find("Content-Length: ");
    length = end + 4;
    if (field < end) length += static_cast<std::size_t>(std::atoi(head.c_str() + field + 16));
  }
  const std::size_t start = head.find(' ') + 1;
  const std::string path = head.substr(start, head.find(' ', start) - start);
  {
    const std::lock_guard lock(mutex_);
    paths_.push_back(path);
    requests_.push_back(head);
  }
  const std::string answer = answer_(path);
  if (!answer.starts_with("drip:")) {
    stream.Write(answer);
  } else {
    for (std::size_t i = 5; i < answer.size() && !stop_; ++i) {
      if (!stream.Write(answer.substr(i, 1))) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  if (tls) SSL_shutdown(tls.get());
}

}  // namespace support
