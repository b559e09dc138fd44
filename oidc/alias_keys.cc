#include "oidc/alias_keys.h"

#include <algorithm>
#include <set>

namespace oidc {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// What stands behind each '&' up to a blank: the anchors, and some texts that do no harm.
std::set<std::string_view> Anchors(std::string_view yaml) {
  std::set<std::string_view> out;
  for (std::size_t at = yaml.find('&'); at != std::string_view::npos; at = yaml.find('&', at + 1)) {
    const std::size_t end = std::min(yaml.find_first_of(kBlank, at), yaml.size());
    out.insert(yaml.substr(at + 1, end - at - 1));
  }
  return out;
}

// The length of "*name" when `line` begins with "*name:" and the name is an anchor; else 0.
std::size_t AliasKeyLength(std::string_view line, const std::set<std::string_view>& anchors) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos || line[begin] != '*') return 0;
  const std::size_t end = std::min(line.find_first_of(kBlank, begin), line.size());
  if (line[end - 1] != ':') return 0;
  return anchors.contains(line.substr(begin + 1, end - begin - 2)) ? end - 1 : 0;
}

}  // namespace

std::string SeparateAliasKeys(std::string_view yaml) {
  const std::set<std::string_view> anchors = Anchors(yaml);
  std::string out;
  out.reserve(yaml.size() + 64);
  while (!yaml.empty()) {
    const std::size_t end = std::min(yaml.find('\n'), yaml.size() - 1) + 1;
    const std::string_view line = yaml.substr(0, end);
    yaml.remove_prefix(end);
    const std::size_t colon = AliasKeyLength(line, anchors);
    out.append(line.substr(0, colon)).append(colon == 0 ? "" : " ").append(line.substr(colon));
  }
  return out;
}

}  // namespace oidc
