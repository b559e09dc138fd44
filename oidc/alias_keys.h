// One difference between YAML readers that Fulcio's own configuration file meets.
#pragma once

#include <string>
#include <string_view>

namespace oidc {

// Fulcio's file has map keys that are aliases: "*github-type:". Go's reader ends the alias before
// the colon; YAML 1.2.2 (7.1, ns-anchor-char) and yaml-cpp count the colon as a part of its name.
// Puts a space before such a colon, where the line begins with the alias and the name without the
// colon is an anchor of the text.
std::string SeparateAliasKeys(std::string_view yaml);

}  // namespace oidc
