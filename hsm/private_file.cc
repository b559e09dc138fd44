#include "hsm/private_file.h"

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "hsm/custody.h"

namespace hsm {

using schema::Error;

namespace {

constexpr std::size_t kAclEntriesMax = 16;

// With an ACL the mode's group bits are its mask (acl(5)) and say nothing of the group; the entries
// do. False when there is no ACL, or one that lets anybody else in.
bool AclIsForUsAlone(int fd) {
  std::array<char, sizeof(posix_acl_xattr_header) + kAclEntriesMax * sizeof(posix_acl_xattr_entry)>
      value{};
  const ssize_t size = ::fgetxattr(fd, "system.posix_acl_access", value.data(), value.size());
  if (size <= static_cast<ssize_t>(sizeof(posix_acl_xattr_header))) return false;
  // The file system writes it in the machine's own order only on little-endian ones, which are all
  // that Chancery is built for; on another the version is not 2, and the answer no.
  posix_acl_xattr_header header{};
  std::memcpy(&header, value.data(), sizeof header);
  if (header.a_version != POSIX_ACL_XATTR_VERSION) return false;
  posix_acl_xattr_entry entry{};
  for (std::size_t at = sizeof header; at + sizeof entry <= static_cast<std::size_t>(size);
       at += sizeof entry) {
    std::memcpy(&entry, value.data() + at, sizeof entry);
    const bool ours = entry.e_tag == ACL_USER_OBJ || entry.e_tag == ACL_MASK ||
                      (entry.e_tag == ACL_USER && entry.e_id == ::geteuid());
    if (!ours && entry.e_perm != 0) return false;
  }
  return true;
}

}  // namespace

schema::Outcome CheckPrivate(int fd, const struct stat& status, const std::filesystem::path& file) {
  if (!S_ISREG(status.st_mode)) return Error{&kKeyUnusable, file.string() + ": not a regular file"};
  const bool others = (status.st_mode & S_IRWXO) != 0;
  const bool group = (status.st_mode & S_IRWXG) != 0 && !AclIsForUsAlone(fd);
  if (others || group) {
    return Error{&kKeyUnusable, file.string() + ": open to group or others; chmod 0400 it"};
  }
  return schema::Ok();
}

}  // namespace hsm
