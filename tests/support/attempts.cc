#include "tests/support/attempts.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace support {
namespace {

char program[] = "/bin/true";
char* const arguments[] = {program, nullptr};
char* const environment[] = {nullptr};

int Outcome(long result) { return result < 0 ? errno : 0; }

int Socket(int family, int type) {
  const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  const int outcome = Outcome(fd);
  if (fd >= 0) ::close(fd);
  return outcome;
}

// A child that ends at once.
int Fork() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  const int outcome = Outcome(pid);
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  return outcome;
}

int Spawn() {
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program, nullptr, nullptr, arguments, environment);
  if (error == 0) ::waitpid(pid, nullptr, 0);
  return error;
}

int ExecuteMemory() {
  const int fd = ::memfd_create("program", MFD_CLOEXEC);
  if (fd < 0) return errno;
  const int outcome = Outcome(::fexecve(fd, arguments, environment));
  ::close(fd);
  return outcome;
}

int Thread() {
  int seen = 1;
  std::thread([&seen] { seen = 0; }).join();
  return seen;
}

int ReadParent() {
  char octet = 0;
  iovec here{&octet, 1}, there{&octet, 1};
  const auto got = ::process_vm_readv(::getppid(), &here, 1, &there, 1, 0);
  return Outcome(got);
}

// The upper half of the argument is cut off by the kernel, and must not hide the family.
int WideSocket() {
  const long fd = ::syscall(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM, 0);
  if (fd >= 0) ::close(static_cast<int>(fd));
  return Outcome(fd);
}

struct Named {
  std::string_view name;
  int (*attempt)();
};

const Named kAttempts[] = {
    {"exec", [] { return Outcome(::execve(program, arguments, environment)); }},
    {"exec from memory", ExecuteMemory},
    {"fork", Fork},
    {"spawn", Spawn},
    {"thread", Thread},
    {"ptrace", [] { return Outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
    {"read the server", ReadParent},
    {"unix socket", [] { return Socket(AF_UNIX, SOCK_STREAM); }},
    {"inet socket", [] { return Socket(AF_INET, SOCK_STREAM); }},
    {"inet6 socket", [] { return Socket(AF_INET6, SOCK_DGRAM); }},
    {"wide inet socket", WideSocket},
    {"netlink socket", [] { return Socket(AF_NETLINK, SOCK_RAW); }},
    {"packet socket", [] { return Socket(AF_PACKET, SOCK_RAW); }},
    {"vsock socket", [] { return Socket(AF_VSOCK, SOCK_STREAM); }},
    {"io_uring", [] { return Outcome(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
    {"bpf", [] { return Outcome(::syscall(SYS_bpf, 0, nullptr, 0)); }},
    {"keyctl", [] { return Outcome(::syscall(SYS_keyctl, 0, -3, 0, 0, 0)); }},
    {"namespace", [] { return Outcome(::unshare(CLONE_NEWUTS)); }},
    {"user namespace", [] { return Outcome(::unshare(CLONE_NEWUSER)); }},
    {"mount", [] { return Outcome(::mount("none", "/nowhere", "tmpfs", 0, nullptr)); }},
    {"chroot", [] { return Outcome(::chroot("/nowhere")); }},
};

}  // namespace

int Attempt(std::string_view name) {
  for (const Named& named : kAttempts) {
    if (named.name == name) return named.attempt();
  }
  return -1;
}

}  // namespace support
