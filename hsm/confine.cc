#include "hsm/confine.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>

#include "hsm/custody.h"
#include "schema/base/openssl.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CHANCERY_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHANCERY_SANITIZED 1
#endif

namespace hsm {

using schema::Error;
using schema::Outcome;

namespace {

using Filter = schema::Owned<void, seccomp_release>;

constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);

// Into other processes. The leak sanitizer does the first to its own.
constexpr int kTracing[] = {SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
                            SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp)};
constexpr int kNeverNeeded[] = {
    // into other processes and around these filters
    SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(userfaultfd),
    // into the kernel
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(add_key), SCMP_SYS(request_key),
    SCMP_SYS(keyctl), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(modify_ldt), SCMP_SYS(iopl),
    SCMP_SYS(ioperm), SCMP_SYS(syslog),
    // another view of the file system
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at),
    // the machine
    SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(personality)};
constexpr int kStarting[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork)};

constexpr std::array kLocal = {AF_UNIX};
constexpr std::array kNetworked = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

Error Unusable(const char* what, int code) {
  return Error{&kKeyUnusable, std::string("the signer cannot confine itself: ") + what + ": " +
                                  std::generic_category().message(-code)};
}

Outcome Added(int code) {
  if (code != 0) return Unusable("seccomp_rule_add", code);
  return schema::Ok();
}

Outcome Refuse(void* filter, std::span<const int> calls) {
  for (const int call : calls) TRY(Added(seccomp_rule_add(filter, kRefuse, call, 0)));
  return schema::Ok();
}

// Every family but these. What is beyond the last that Linux has is refused as a range, and so is
// a number with something in its upper half, which the kernel would cut off.
Outcome RefuseSockets(void* filter, std::span<const int> allowed) {
  for (int family = 0; family < AF_MAX; ++family) {
    if (std::ranges::find(allowed, family) != allowed.end()) continue;
    TRY(Added(seccomp_rule_add(filter, kRefuse, SCMP_SYS(socket), 1,
                               SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)))));
  }
  return Added(seccomp_rule_add(filter, kRefuse, SCMP_SYS(socket), 1,
                                SCMP_A0(SCMP_CMP_GE, static_cast<scmp_datum_t>(AF_MAX))));
}

Outcome Load(void* filter) {
  if (const int code = seccomp_load(filter); code != 0) return Unusable("seccomp_load", code);
  return schema::Ok();
}

}  // namespace

bool ConfinementIsRelaxed() {
#ifdef CHANCERY_SANITIZED
  return true;
#else
  return false;
#endif
}

Outcome ConfineModule(Network network) {
  // Not everybody may; the filter refuses the sockets in any case.
  if (network == Network::kNone) (void)::unshare(CLONE_NEWNET);
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  MUST(filter != nullptr);
  TRY(Refuse(filter.get(), kNeverNeeded));
  if (!ConfinementIsRelaxed()) TRY(Refuse(filter.get(), kTracing));
  TRY(network == Network::kNone ? RefuseSockets(filter.get(), kLocal)
                                : RefuseSockets(filter.get(), kNetworked));
  return Load(filter.get());
}

Outcome ConfineStarted() {
  if (ConfinementIsRelaxed()) return schema::Ok();
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  MUST(filter != nullptr);
  TRY(Refuse(filter.get(), kStarting));
  // A process; a thread has CLONE_THREAD. What clone3 is asked for lies in memory, where no filter
  // looks: glibc takes ENOSYS for an older kernel and uses clone.
  TRY(Added(seccomp_rule_add(filter.get(), kRefuse, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0))));
  TRY(Added(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)));
  return Load(filter.get());
}

}  // namespace hsm
