// A server with small routes, on a free port of the loopback.
#pragma once

#include <atomic>
#include <memory>

#include "http/server.h"
#include "tests/support/fakes.h"

namespace support {

struct TestServer {
  explicit TestServer(const http::ServerOptions& options = Quick(), const char* host = "127.0.0.1",
                      decltype(http::Answers::on_answer) on_answer = {}, bool every_origin = false);
  // Short deadlines, so that tests of them are short.
  static http::ServerOptions Quick();

  std::uint16_t port() const { return server->address().port; }

  MemoryJournal journal;
  std::shared_ptr<std::atomic<int>> entered =
      std::make_shared<std::atomic<int>>(0);  // calls of /wait
  std::shared_ptr<std::atomic<bool>> release = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<http::Server> server;
};

}  // namespace support
