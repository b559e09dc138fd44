// `chancery signer` and `chancery hsm` alone, as the custody tests start them: the same functions,
// none of the server.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

#include "hsm/commands.h"

namespace {

// A supervisor's lines, "event name=value …".
class LineJournal final : public schema::Journal {
 public:
  void Write(Level, std::string_view event, std::initializer_list<Field> fields) override {
    std::string line(event);
    for (const auto& [name, value] : fields)
      line.append(" ").append(name).append("=").append(value);
    std::fprintf(stderr, "%s\n", line.c_str());
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  int exit_code = 0;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  hsm::RegisterSigner(
      app, program, [] { return std::make_unique<LineJournal>(); }, exit_code);
  hsm::RegisterHsm(app, program, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
