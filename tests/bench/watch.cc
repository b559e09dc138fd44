#include "tests/bench/watch.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "schema/base/result.h"
#include "tests/bench/client.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The fields of /proc/PID/stat from the third on: the second, the name, may hold spaces.
std::vector<std::string> StatOf(int pid) {
  const std::string text = Slurp("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream in(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::vector<std::string> fields;
  for (std::string field; in >> field;) fields.push_back(field);
  return fields;
}

double NumberAfter(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size(), nullptr);
}

std::uint64_t SwitchesOf(int pid) {
  std::uint64_t sum = 0;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    const std::string status = Slurp(task.path() / "status");
    sum += static_cast<std::uint64_t>(NumberAfter(status, "\nvoluntary_ctxt_switches:"));
    sum += static_cast<std::uint64_t>(NumberAfter(status, "\nnonvoluntary_ctxt_switches:"));
  }
  return sum;
}

}  // namespace

std::vector<int> ProcessTree(int server) {
  std::vector<int> out{server};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto fields = StatOf(pid);
    if (fields.size() > 1 && std::atoi(fields[1].c_str()) == server) out.push_back(pid);
  }
  return out;
}

Cost CostOf(int server) {
  Cost out;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (const int pid : ProcessTree(server)) {
    const auto fields = StatOf(pid);
    if (fields.size() < 13) continue;  // it has just ended
    // proc(5): utime and stime are the fields 14 and 15.
    const double cpu = (std::atof(fields[11].c_str()) + std::atof(fields[12].c_str())) / ticks;
    out.cpu_seconds += cpu;
    if (pid != server) out.signer_cpu_seconds += cpu;
    out.switches += SwitchesOf(pid);
    out.rss_mb += NumberAfter(Slurp("/proc/" + std::to_string(pid) + "/status"), "\nVmRSS:") / 1024;
  }
  return out;
}

Counters ReadCounters(const std::string& internal) {
  const std::string text = Get(internal, "/metrics");
  return {NumberAfter(text, "\nchancery_hsm_operations_total "),
          NumberAfter(text, "\nchancery_log_commits_total "),
          NumberAfter(text, "\nchancery_precertificates_waiting ")};
}

Counters AwaitRest(const std::string& internal) {
  Counters counters;
  for (int i = 0; i < 1000; ++i) {
    counters = ReadCounters(internal);
    if (counters.waiting == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return counters;
}

}  // namespace bench
