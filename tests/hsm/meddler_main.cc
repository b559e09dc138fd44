// Stands between a custody and its signer and has it sign more than the custody asks for, as
// whoever else gets hold of the channel could. While a file `meddle` lies beside the configuration,
// each request is preceded by two probes of its own, whose answers the custody never sees.
//
//   meddler signer --config FILE --role ROLE --fd 3 --config-fd 5
#include <poll.h>

#include <filesystem>
#include <string_view>

#include "hsm/process.h"
#include "hsm/protocol.h"

namespace {

constexpr std::uint32_t kOurs = 0xffffffff;  // id of the extra requests
constexpr int kServer = 3;
constexpr auto kForever = schema::Steady::time_point::max();

void Extra(schema::Bytes& out) {
  for (int i = 0; i < 2; ++i) {
    hsm::AppendFrame(out, kOurs, static_cast<std::uint8_t>(hsm::Purpose::kProbe),
                     schema::AsBytes(std::string_view("chancery probe\n")));
  }
}

// Everything that has arrived at `from`, perhaps with more, to `to`. false: an end has closed.
bool Relay(int from, int to, hsm::FrameReader& reader, bool meddling) {
  if (hsm::ReadSome(from, -1, reader.buffer(), kForever) != hsm::Channel::kOk) return false;
  schema::Bytes out;
  for (;;) {
    const auto frame = reader.Next();
    if (!frame) return false;
    if (!*frame) break;
    if ((*frame)->id == kOurs) continue;
    if (meddling) Extra(out);
    hsm::AppendFrame(out, (*frame)->id, (*frame)->code, (*frame)->bytes);
  }
  return hsm::WriteAll(to, out, kForever) == hsm::Channel::kOk;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 10) return 2;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  const std::filesystem::path config = argv[3];
  auto signer = hsm::SignerProcess::Spawn(program.parent_path() / "hsm_signer", config, argv[5]);
  if (!signer) return 1;
  hsm::FrameReader asked, answered;
  for (;;) {
    pollfd wait[] = {{kServer, POLLIN, 0}, {signer->socket(), POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) return 1;
    const bool meddling = std::filesystem::exists(config.parent_path() / "meddle");
    if (wait[0].revents != 0 && !Relay(kServer, signer->socket(), asked, meddling)) return 0;
    if (wait[1].revents != 0 && !Relay(signer->socket(), kServer, answered, false)) return 0;
  }
}
