// A raw TCP client for tests: it sends exactly the bytes it is given and reads what comes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace support {

struct Reply {
  int status = 0;    // 0: the connection ended, or time ran out, before a whole answer
  std::string head;  // status line and headers, lower case
  std::string body;

  // The value of a header, or "".
  std::string Header(std::string_view name) const;
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0, const char* host = "127.0.0.1");
  ~Client();
  Client(Client&& other) noexcept;
  Client(const Client&) = delete;

  bool connected() const { return fd_ >= 0; }
  // False when the connection was closed under it.
  bool Send(std::string_view bytes);
  // The next answer; interim 100 answers are returned too. `head_only`: as for HEAD.
  Reply Read(bool head_only = false, std::chrono::milliseconds limit = std::chrono::seconds(10));
  // Everything until the server closes or time runs out.
  std::string ReadAll(std::chrono::milliseconds limit = std::chrono::seconds(10));
  // True when the server closes within the limit and sends nothing before.
  bool ClosedWithin(std::chrono::milliseconds limit);
  void HalfClose();
  void Close();  // in order
  void Reset();  // with RST

 private:
  // 1: bytes came; 0: end; -1: time ran out.
  int Fill(std::chrono::steady_clock::time_point end);

  int fd_ = -1;
  std::string buffer_;
};

// A whole GET request.
std::string Get(std::string_view target);

// One connection, one request, one answer.
Reply Ask(std::uint16_t port, std::string_view bytes);

}  // namespace support
