#include "schema/tsa_settings.h"

#include "schema/base/der.h"
#include "schema/key_settings.h"
#include "schema/setting_text.h"

namespace schema {
namespace {

constexpr std::chrono::seconds kAccuracyMin{1}, kAccuracyMax{60};

Result<std::string> ReadPolicy(const Node& node) {
  TRY(std::string text, SettingText(node));
  if (der::IsOidText(text)) return text;
  return node.Wrong("wanted an object identifier such as 1.3.6.1.4.1.57264.2, found '" + text +
                    "'");
}

Result<std::chrono::seconds> ReadAccuracy(const Node& node) {
  TRY(const std::chrono::milliseconds value, node.Duration());
  const auto whole = std::chrono::floor<std::chrono::seconds>(value);
  if (whole != value || whole < kAccuracyMin || whole > kAccuracyMax) {
    return node.Wrong("must be whole seconds from 1s to 60s, found " + node.text());
  }
  return whole;
}

}  // namespace

Result<bool> ReadClock(const Node& node) {
  TRY(const std::string text, node.String());
  if (text == "kernel") return true;
  if (text == "trusted") return false;
  return node.Wrong(
      "wanted 'kernel', for a clock that the kernel says is kept, or 'trusted', for one that it is "
      "not asked about; found '" +
      text + "'");
}

Result<std::optional<TsaSettings>> ReadTsa(const Node* node,
                                           const std::filesystem::path& directory) {
  if (node == nullptr) return std::optional<TsaSettings>();
  if (node->kind() != Node::Kind::kMap) return node->Wrong("wanted a map with key, chain, policy");
  TRY(node->OnlyKeys(
      {"key", "chain", "policy", "include-chain", "accuracy", "clock", "waive-key-attributes"}));
  TsaSettings out;
  TRY(const Node* key, node->Need("key"));
  TRY(out.key, ReadKeyUri(*key, {true, 1, directory}));
  TRY(const Node* chain, node->Need("chain"));
  TRY(const std::string path, SettingText(*chain));
  out.chain = (directory / path).lexically_normal();
  TRY(const Node* policy, node->Need("policy"));
  TRY(out.policy, ReadPolicy(*policy));
  if (const Node* include = node->Find("include-chain")) {
    TRY(out.include_chain, include->Bool());
  }
  if (const Node* accuracy = node->Find("accuracy")) {
    TRY(out.accuracy, ReadAccuracy(*accuracy));
  }
  if (const Node* clock = node->Find("clock")) {
    TRY(out.kernel_clock, ReadClock(*clock));
  }
  TRY(out.waive_key_attributes, ReadWaivers(node->Find("waive-key-attributes")));
  return std::optional(std::move(out));
}

}  // namespace schema
