#include "hsm/harden.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace hsm {

void HardenProcess() {
  MUST(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  MUST(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  const rlimit none{0, 0};
  MUST(::setrlimit(RLIMIT_CORE, &none) == 0);
}

bool DieWith(pid_t parent) {
  MUST(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
  return ::getppid() == parent;
}

void SetModuleEnvironment(const schema::Config& config) {
  SetModuleEnvironment(config.ca.module_env);
}

void SetModuleEnvironment(const std::map<std::string, std::string>& settings) {
  for (const auto& [name, value] : settings) {
    MUST(::setenv(name.c_str(), value.c_str(), 1) == 0);
  }
}

}  // namespace hsm
