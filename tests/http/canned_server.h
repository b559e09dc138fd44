// A server that answers with canned bytes, plainly or over TLS, one connection at a time.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace support {

// A private CA with a server certificate for `name` (a DNS name or "IP:…", as in subjectAltName).
struct TlsIdentity {
  explicit TlsIdentity(const std::string& subject_alt_name);
  std::string ca_pem;
  schema::Owned<SSL_CTX, SSL_CTX_free> context;
};

class CannedServer {
 public:
  // Path in, the whole answer out; "" closes the connection. Beginning with "drip:", the rest is
  // sent a byte every 20 ms.
  using Answer = std::function<std::string(const std::string& path)>;

  explicit CannedServer(Answer answer, TlsIdentity* tls = nullptr);
  ~CannedServer();

  int port() const { return port_; }
  std::string Url(const std::string& path, const std::string& host = "127.0.0.1") const;
  std::vector<std::string> paths() const;
  // Heads and bodies as they came.
  std::vector<std::string> requests() const;

  static std::string Ok(const std::string& body);
  static std::string Redirect(const std::string& location);

 private:
  void Run();
  void Talk(int fd);

  Answer answer_;
  TlsIdentity* tls_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;     // guarded by mutex_
  std::vector<std::string> requests_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace support
