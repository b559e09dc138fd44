// How the front gets a signer of a supervisor: it connects, says in one frame which signer it
// wants, and from then on the connection is that signer's. One connection, one process: closing it
// ends the signer, and the next one takes another connection.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hsm/channel.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// Which signer: what stands on its command line.
struct SignerOrder {
  std::string role;     // role.h
  std::string token{};  // name of one that holds its key; empty: the first
  friend bool operator==(const SignerOrder&, const SignerOrder&) = default;
};

// A frame of protocol.h with id 0, this code and "ROLE" or "ROLE TOKEN", at most kJoinBytesMax
// octets in all.
inline constexpr std::uint8_t kJoin = 0x81;
inline constexpr std::size_t kJoinBytesMax = 256;

schema::Bytes EncodeJoin(const SignerOrder& order);
// How many octets of the frame are still to be read when these have been, so that not one of what
// follows it is, which is the signer's. Nothing when this is no such frame.
std::optional<std::size_t> MissingOfJoin(schema::BytesView got);
// kBadFrame for anything but a whole frame of EncodeJoin. Safe on any bytes.
schema::Result<SignerOrder> DecodeJoin(schema::BytesView frame);

// A connection to the supervisor at `socket` that has asked for this signer. kKeyUnusable with what
// to look at when nobody listens there. Does not wait longer than `deadline`.
schema::Result<Descriptor> Join(const std::filesystem::path& socket, const SignerOrder& order,
                                schema::Steady::time_point deadline);

}  // namespace hsm
