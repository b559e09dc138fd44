// A text of a configuration: a path, a URI, the value of a variable.
#pragma once

#include <string>

#include "schema/base/document.h"

namespace schema {

// kBadSetting when it is empty, longer than 4,096 octets, or holds a control character.
Result<std::string> SettingText(const Node& node);

}  // namespace schema
