#include "schema/hsm_settings.h"

#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "schema/setting_text.h"

namespace schema {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHostBytes = 255;  // with a port or a prefix
constexpr std::size_t kUserBytes = 32;   // useradd(8)
constexpr std::size_t kSocketBytes = sizeof(sockaddr_un::sun_path) - 1;

bool IsHost(std::string_view text) {
  return !text.empty() && text.size() <= kHostBytes && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(".-:[]/").find(c) != std::string_view::npos;
  });
}

bool IsUser(std::string_view text) {
  return text.size() <= kUserBytes && text.front() != '-' && std::ranges::all_of(text, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                  std::string_view("._-").find(c) != std::string_view::npos;
         });
}

Result<fs::path> ReadPath(const Node& node, const fs::path& directory) {
  TRY(const std::string text, SettingText(node));
  return (directory / text).lexically_normal();
}

// Who may connect, and where the signers may write, have no answer that is right by itself.
Outcome ReadSupervised(const Node& map, const fs::path& directory, HsmSettings& out) {
  const Node* socket = map.Find("socket");
  if (socket == nullptr) {
    const Node* front = map.Find("front");
    if (front != nullptr) return front->Wrong("means nothing without hsm.socket");
    return Ok();
  }
  TRY(out.socket, ReadPath(*socket, directory));
  if (out.socket.string().size() > kSocketBytes) {
    return socket->Wrong("is longer than " + std::to_string(kSocketBytes) +
                         " octets, which no socket's path may be");
  }
  TRY(const Node* front, map.Need("front"));
  TRY(out.front, SettingText(*front));
  if (!IsUser(out.front)) {
    return front->Wrong("wanted the name or the number of the user that serve runs as");
  }
  if (auto state = map.Need("state"); !state) return std::move(state).error();
  return Ok();
}

}  // namespace

Result<HsmSettings> ReadHsm(const Node* node, const fs::path& directory, const fs::path& state) {
  HsmSettings out;
  out.state = state;
  if (node == nullptr) return out;
  TRY(node->OnlyKeys({"network", "socket", "front", "state"}));
  if (const Node* own = node->Find("state")) {
    TRY(out.state, ReadPath(*own, directory));
  }
  TRY(ReadSupervised(*node, directory, out));
  const Node* network = node->Find("network");
  if (network == nullptr) return out;
  TRY(out.network, network->Strings());
  if (!std::ranges::all_of(out.network, IsHost)) {
    return network->Wrong("wanted names or addresses of hosts");
  }
  return out;
}

}  // namespace schema
