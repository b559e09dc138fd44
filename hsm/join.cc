#include "hsm/join.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "hsm/custody.h"
#include "hsm/key_set.h"
#include "hsm/protocol.h"
#include "hsm/unix_address.h"
#include "schema/key_settings.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHeadBytes = 5;  // id and code

Error Unusable(const std::filesystem::path& socket, const std::string& why) {
  return Error{&kKeyUnusable, "hsm.socket: " + socket.string() + ": " + why};
}

std::string WhyNobody(int code) {
  const std::string text = std::generic_category().message(code);
  if (code == EACCES) return text + "; this user has to be in the group of the socket";
  if (code == EAGAIN) return "the supervisor is busy";
  return text + "; start `chancery signer --supervise` (chancery-signer.service)";
}

}  // namespace

Bytes EncodeJoin(const SignerOrder& order) {
  Bytes out;
  const std::string text = order.token.empty() ? order.role : order.role + " " + order.token;
  AppendFrame(out, 0, kJoin, schema::AsBytes(text));
  return out;
}

std::optional<std::size_t> MissingOfJoin(BytesView got) {
  if (got.size() < kLengthBytes) return kLengthBytes - got.size();
  std::size_t length = 0;
  for (const std::uint8_t octet : got.first(kLengthBytes)) length = length << 8 | octet;
  const std::size_t whole = kLengthBytes + length;
  if (length < kHeadBytes || whole > kJoinBytesMax || got.size() > whole) return std::nullopt;
  return whole - got.size();
}

Result<SignerOrder> DecodeJoin(BytesView frame) {
  FrameReader reader;
  if (MissingOfJoin(frame) != std::size_t{0}) return Error{&kBadFrame, "no request for a signer"};
  reader.buffer() = schema::ToBytes(frame);
  TRY(const std::optional<Frame> request, reader.Next());
  if (!request || request->id != 0 || request->code != kJoin) {
    return Error{&kBadFrame, "no request for a signer"};
  }
  const std::string text(schema::AsText(request->bytes));
  const auto space = text.find(' ');
  SignerOrder order{text.substr(0, space)};
  if (space != std::string::npos) {
    order.token = text.substr(space + 1);
    if (!schema::IsTokenName(order.token)) return Error{&kBadFrame, "a token of no name"};
  }
  if (!ParseRole(order.role)) {
    return Error{&kBadFrame, "a signer of no role"};
  }
  return order;
}

Result<Descriptor> Join(const std::filesystem::path& socket, const SignerOrder& order,
                        schema::Steady::time_point deadline) {
  Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0) return Unusable(socket, std::generic_category().message(errno));
  TRY(const UnixAddress address, UnixAddressOf(socket));
  if (::connect(connection.get(), address.get(), address.size()) != 0) {
    return Unusable(socket, WhyNobody(errno));
  }
  // A supervisor that has closed already has said why; that is for the reader of the hello.
  if (WriteAll(connection.get(), EncodeJoin(order), deadline) == Channel::kTimeout) {
    return Unusable(socket, "the supervisor reads nothing");
  }
  return connection;
}

}  // namespace hsm
