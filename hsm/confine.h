// What a signer process gives up for the rest of its life: the vendor's module is code that nobody
// here has read, in the one process that holds a PIN and a way to the keys.
//
// seccomp(2) filters that answer EPERM rather than kill: a module may probe for what it does not
// need, and says itself what it misses; an attacker gains nothing from the difference. They list
// what is refused, because nobody knows all that a vendor's module wants. By family of modules:
//
//   in files (SoftHSM), behind a local daemon (tpm2-pkcs11, pcscd)   sockets: AF_UNIX alone
//   in the network (hsm.network lists hosts)                         also AF_INET, AF_INET6 and
//                                                                    AF_NETLINK, which getaddrinfo
//                                                                    asks for addresses
#pragma once

#include "schema/base/result.h"

namespace hsm {

enum class Network { kNone, kAllowed };

// Before the module is loaded: no other sockets than these, no tracing of or reading from other
// processes, no kernel keys, BPF, io_uring (which goes around filters), namespaces, mounts,
// modules, clocks. Without a network also none that a module opened before it was refused: a
// network namespace of its own, where this user may make one. kKeyUnusable when the kernel has no
// seccomp.
schema::Outcome ConfineModule(Network network);

// When the keys are open: no program and no process is started any more; threads are. (Modules may
// start helpers while they are loaded, and a PIN may come from a command.)
schema::Outcome ConfineStarted();

// Built with a sanitizer, which traces its own process and starts a symbolizer: tracing, programs
// and processes are then left open, and sockets are not.
bool ConfinementIsRelaxed();

}  // namespace hsm
