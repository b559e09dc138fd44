// `module-env`: what a PKCS#11 module finds in its environment. Settings, never secrets.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "schema/base/document.h"

namespace schema {

// kBadSetting unless `node` is a map from names of environment variables to texts; nothing when it
// is null. SOFTHSM2_CONF is the one variable known to hold a path; others say so by "./". Paths
// start at `directory`.
Result<std::map<std::string, std::string>> ReadModuleEnv(const Node* node,
                                                         const std::filesystem::path& directory);

}  // namespace schema
