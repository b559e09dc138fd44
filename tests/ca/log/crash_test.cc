// kill -9 of a process that issues in a loop: what it acknowledged is there, and the tree is whole.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>
#include <sstream>

#include "tests/ca/log/house.h"

namespace {

using log_test::House;

// Issues with tokens <round>-<thread>-<n> and writes a line for each answer a client would have
// had.
[[noreturn]] void IssueUntilKilled(House& house, int round, int out) {
  if (!house.Open()) _exit(2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&house, round, t, out] {
      for (int n = 0;; ++n) {
        const std::string token =
            std::to_string(round) + "-" + std::to_string(t) + "-" + std::to_string(n);
        const auto receipt = house.log().Enter(house.MakeGrant(token));
        if (!receipt) continue;
        const auto certificate = house.Finish(*receipt);
        const std::string line = token + " " + std::to_string(receipt->index()) + " " +
                                 schema::Hex(schema::Sha256(certificate.view())) + "\n";
        // One write of less than PIPE_BUF is whole or absent.
        if (write(out, line.data(), line.size()) < 0) _exit(3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

std::string RunAndKill(House& house, int round, std::chrono::milliseconds after) {
  int ends[2];
  MUST(pipe(ends) == 0);
  const pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) {
    close(ends[0]);
    IssueUntilKilled(house, round, ends[1]);
  }
  close(ends[1]);
  std::thread killer([&] {
    std::this_thread::sleep_for(after);
    kill(child, SIGKILL);
  });
  std::string acknowledged;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    acknowledged.append(buffer, static_cast<std::size_t>(n));
  killer.join();
  int status = 0;
  waitpid(child, &status, 0);
  close(ends[0]);
  CHECK(WIFSIGNALED(status));
  return acknowledged;
}

struct Answer {
  std::uint64_t index;
  std::string certificate;
};

void Parse(const std::string& lines, std::map<std::string, Answer>& answers) {
  std::istringstream in(lines);
  std::string token, certificate;
  std::uint64_t index;
  while (in >> token >> index >> certificate) answers[token] = {index, certificate};
}

TEST_CASE("killed again and again, nothing acknowledged is lost") {
  House house;
  std::map<std::string, Answer> answers;
  std::mt19937 random(3);
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    Parse(RunAndKill(house, round, std::chrono::milliseconds(150 + random() % 250)), answers);
    REQUIRE(house.Open());
    const ca::LogState state = house.log().State();
    // Missing precertificates were made up before the first checkpoint.
    CHECK_EQ(state.published_size, state.certificates_size);
    CHECK_EQ(log_test::Inspect(house), "");
    house.Close();
  }
  CHECK_GT(answers.size(), 20);  // hundreds, where nothing else is busy
  REQUIRE(house.Open());
  std::map<std::uint64_t, std::string> by_index;
  for (const auto& [token, answer] : answers) {
    const auto shown = token;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    CHECK(by_index.emplace(answer.index, token).second);
    // The client's retry: the same entry, and the same certificate unless it was lost before it was
    // stored.
    const auto retry = house.log().Enter(house.MakeGrant(token));
    REQUIRE(retry);
    CHECK(retry->retry());
    CHECK_EQ(retry->index(), answer.index);
    if (retry->certificate()) {
      CHECK_EQ(schema::Hex(schema::Sha256(retry->certificate()->view())), answer.certificate);
    }
  }
  const auto size = house.log().State().certificates_size;
  CHECK_GE(size, answers.size());
}

}  // namespace
