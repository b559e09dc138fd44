// What every process does before it loads a vendor's module or reads a PIN.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "schema/config.h"

namespace hsm {

// No core file, no ptrace by the same user, no new privileges. For the rest of the process's life.
void HardenProcess();

// Has the kernel kill this process when `parent` ends. false: it has ended already.
bool DieWith(pid_t parent);

// ca.module-env, which the module reads when it is loaded.
void SetModuleEnvironment(const schema::Config& config);
void SetModuleEnvironment(const std::map<std::string, std::string>& settings);

}  // namespace hsm
