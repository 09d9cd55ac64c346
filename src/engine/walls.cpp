#include "engine/walls.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace vedette::engine {

namespace {

constexpr const char* system_paths[] = {"/usr",
                                        "/lib",
                                        "/lib32",
                                        "/lib64",
                                        "/libx32",
                                        "/bin",
                                        "/sbin",
                                        "/etc/ld.so.cache",
                                        "/etc/alternatives",
                                        "/sys/devices/system/cpu"};
constexpr const char* devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// mkdir -p of the parents, then the folder or an empty file to mount on.
bool make_place(const std::string& path, bool folder) {
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '/') mkdir(path.substr(0, i).c_str(), 0755);
  }
  if (folder) return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file >= 0) close(file);
  return file >= 0;
}

/// A path of the old root, held open so that it can be mounted after /tmp was covered.
struct Held {
  std::string path;
  int descriptor = -1;
  bool folder = false;
  bool writable = false;
  bool device = false;
};

bool mount_held(const Held& held, const std::string& root) {
  const std::string place = root + held.path;
  if (!make_place(place, held.folder)) return false;
  const std::string source = "/proc/self/fd/" + std::to_string(held.descriptor);
  if (mount(source.c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  unsigned long flags = MS_BIND | MS_REMOUNT | MS_NOSUID;
  if (!held.device) flags |= MS_NODEV;
  if (!held.writable) flags |= MS_RDONLY;
  // A user namespace may not clear flags of the mount it copies: then those are kept.
  if (mount(nullptr, place.c_str(), nullptr, flags, nullptr) == 0) return true;
  return mount(nullptr, place.c_str(), nullptr, flags | MS_NODEV | MS_NOEXEC | MS_RELATIME, nullptr) == 0 ||
         mount(nullptr, place.c_str(), nullptr, flags | MS_NODEV | MS_RELATIME, nullptr) == 0;
}

// Landlock's kernel interface grew after Debian 12's headers; the numbers are fixed for ever
// (include/uapi/linux/landlock.h).
struct RulesetAttributes {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
constexpr std::uint64_t access_execute = 1ULL << 0, access_write = 1ULL << 1, access_read = 1ULL << 2,
                        access_list = 1ULL << 3, access_truncate = 1ULL << 14;

std::uint64_t files_known(long version) {
  int bits = 13;                // version 1
  if (version >= 2) bits = 14;  // refer
  if (version >= 3) bits = 15;  // truncate
  if (version >= 5) bits = 16;  // ioctl on devices
  return (1ULL << bits) - 1;
}

bool allow(int ruleset, const std::string& path, std::uint64_t access) {
  const int descriptor = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (descriptor < 0) return false;
  if (!is_folder(path)) access &= access_execute | access_write | access_read | access_truncate | (1ULL << 15);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = descriptor;
  const bool done = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  close(descriptor);
  return done;
}

/// Calls that no tool needs: ways to other machines, other processes, the kernel, other rights.
constexpr const char* forbidden_calls[] = {"socket",
                                           "connect",
                                           "bind",
                                           "listen",
                                           "accept",
                                           "accept4",
                                           "ptrace",
                                           "process_vm_readv",
                                           "process_vm_writev",
                                           "pidfd_getfd",
                                           "kcmp",
                                           "mount",
                                           "umount2",
                                           "pivot_root",
                                           "chroot",
                                           "open_tree",
                                           "move_mount",
                                           "fsopen",
                                           "fsconfig",
                                           "fsmount",
                                           "fspick",
                                           "mount_setattr",
                                           "unshare",
                                           "setns",
                                           "keyctl",
                                           "add_key",
                                           "request_key",
                                           "bpf",
                                           "perf_event_open",
                                           "userfaultfd",
                                           "io_uring_setup",
                                           "io_uring_enter",
                                           "io_uring_register",
                                           "kexec_load",
                                           "kexec_file_load",
                                           "init_module",
                                           "finit_module",
                                           "delete_module",
                                           "reboot",
                                           "swapon",
                                           "swapoff",
                                           "acct",
                                           "quotactl",
                                           "syslog",
                                           "settimeofday",
                                           "clock_settime",
                                           "clock_adjtime",
                                           "adjtimex",
                                           "stime",
                                           "personality",
                                           "iopl",
                                           "ioperm",
                                           "open_by_handle_at",
                                           "name_to_handle_at",
                                           "lookup_dcookie",
                                           "nfsservctl",
                                           "uselib",
                                           "vhangup",
                                           "sethostname",
                                           "setdomainname",
                                           "fanotify_init",
                                           "landlock_create_ruleset",
                                           "seccomp"};

bool limit(__rlimit_resource what, std::uint64_t value) {
  const rlimit both{value, value};
  return setrlimit(what, &both) == 0;
}

}  // namespace

bool wall_of_files(const Order& order) {
  // What is mounted from here on must stay in this namespace; a folder in a mount that is not ours to close would show
  // it outside. In a chroot "/" cannot be closed, /sys can.
  const auto closed = [](const char* place) {
    return mount(nullptr, place, nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  };
  const bool root_is_mount = closed("/");
  if (!root_is_mount && !closed("/sys")) return false;
  std::vector<Held> held;
  std::vector<std::pair<std::string, std::string>> links;
  const auto hold = [&](const std::string& path, bool writable, bool device) {
    // A link such as /bin → usr/bin stays a link.
    char target[4096];
    const ssize_t length = readlink(path.c_str(), target, sizeof target);
    if (length > 0) {
      links.emplace_back(path, std::string(target, static_cast<std::size_t>(length)));
      return;
    }
    const int descriptor = open(path.c_str(), O_PATH | O_CLOEXEC);
    if (descriptor >= 0) held.push_back({path, descriptor, is_folder(path), writable, device});
  };
  for (const char* path : system_paths) hold(path, false, false);
  for (const char* path : devices) hold(path, true, true);
  for (const std::string& path : order.readable) hold(path, false, false);
  if (!order.writable.empty()) hold(order.writable, true, false);
  const std::string root = root_is_mount ? "/tmp" : "/sys";
  if (mount("root", root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755") != 0) return false;
  bool whole = true;
  const std::string temporary = root + "/tmp", processes = root + "/proc";
  make_place(temporary, true);
  make_place(processes, true);
  if (mount("tmp", temporary.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=256m,mode=1777") != 0)
    whole = false;
  for (const Held& path : held) {
    const bool mounted = mount_held(path, root);
    if (!mounted && !path.device && path.path != "/sys/devices/system/cpu") whole = false;
    close(path.descriptor);
  }
  for (const auto& [path, target] : links) {
    if (symlink(target.c_str(), (root + path).c_str()) != 0 && errno != EEXIST) whole = false;
  }
  // Only what the namespace's own processes are; not vital, and not everywhere allowed.
  if (mount("proc", processes.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") != 0)
    rmdir(processes.c_str());
  if (chdir(root.c_str()) != 0) return false;
  const bool entered = root_is_mount ? syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0  //
                                     : chroot(".") == 0;
  return entered && chdir("/") == 0 && whole;
}

bool wall_of_landlock(const Order& order) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  RulesetAttributes attributes;
  attributes.files = files_known(version);
  std::size_t size = sizeof attributes.files;
  if (version >= 4) {
    attributes.network = 3;  // bind and connect of TCP
    size = 2 * sizeof(std::uint64_t);
  }
  if (version >= 6) {
    attributes.scoped = 3;  // abstract sockets and signals of others
    size = 3 * sizeof(std::uint64_t);
  }
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return false;
  const std::uint64_t reading = (access_execute | access_read | access_list) & attributes.files;
  for (const char* path : system_paths) allow(ruleset, path, reading);
  for (const char* path : devices) allow(ruleset, path, (access_read | access_write) & attributes.files);
  for (const std::string& path : order.readable) allow(ruleset, path, reading);
  allow(ruleset, "/proc/self", reading);
  const bool output = order.writable.empty() || allow(ruleset, order.writable, attributes.files & ~access_execute);
  const bool done = output && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return done;
}

bool wall_of_calls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  for (const char* call : forbidden_calls) {
    const int number = seccomp_syscall_resolve_name(call);
    if (number != __NR_SCMP_ERROR && number >= 0) seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
  }
  // A process may fork and start threads, not namespaces. Of clone3 the flags cannot be seen: libraries then take
  // clone.
  constexpr scmp_datum_t spaces =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  for (int bit = 0; bit < 32; ++bit) {
    const scmp_datum_t flag = scmp_datum_t{1} << bit;
    if ((spaces & flag) != 0) {
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
    }
  }
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  const bool done = seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

bool wall_of_resources(const Order& order) {
  bool done = limit(RLIMIT_CORE, 0);
  // Address space is more than memory (libraries, reserved arenas): the launcher counts what is resident; this is the
  // backstop.
  done &= limit(RLIMIT_AS, 2 * order.memory_bytes + (512ULL << 20));
  done &= limit(RLIMIT_FSIZE, order.file_bytes);
  // At the soft bound the signal says why; a tool that ignores it ends at the hard one.
  const rlimit processor{order.cpu_seconds, order.cpu_seconds + 2};
  done &= setrlimit(RLIMIT_CPU, &processor) == 0;
  done &= limit(RLIMIT_NPROC, order.processes);
  done &= limit(RLIMIT_NOFILE, order.files);
  done &= limit(RLIMIT_MEMLOCK, 1 << 20);
  done &= limit(RLIMIT_MSGQUEUE, 0);
  return done;
}

bool wall_of_rights(uid_t user, bool may_search) {
  bool done = true;
  if (may_search) done &= prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
  if (user != 0) {
    done &= setgroups(0, nullptr) == 0;
    done &= setresgid(user, user, user) == 0;
    done &= setresuid(user, user, user) == 0;
  }
  for (int capability = 0; capability <= 63; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[2]{};
  constexpr std::uint32_t searching = 1U << CAP_DAC_READ_SEARCH;
  if (may_search) kept[0] = {searching, searching, searching};
  done &= syscall(SYS_capset, &header, kept) == 0;
  if (may_search) done &= prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) == 0;
  done &= prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  return done;
}

}  // namespace vedette::engine
