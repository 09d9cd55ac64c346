#include "engine/sandbox.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/child.hpp"
#include "engine/walls.hpp"

// The launcher L (outside) → C, process 1 of the new namespaces → T, which becomes the tool.
// L counts memory and ends C when it is too much; when C ends, the kernel ends everything inside.
namespace vedette::engine {

namespace {

constexpr int report_descriptor = 3;
static_assert(first_channel == report_descriptor + 1);

void report(const std::string& line) {
  const std::string whole = line + "\n";
  if (write(report_descriptor, whole.data(), whole.size()) < 0) _exit(125);
}

[[noreturn]] void give_up(const std::string& why) {
  report("error:" + why + ": " + std::strerror(errno));
  _exit(125);
}

bool read_order(int argc, char** argv, Order& order) {
  int i = 1;
  for (; i + 1 < argc && std::string_view(argv[i]) != "--"; i += 2) {
    const std::string_view key = argv[i];
    const auto number = std::strtoull(argv[i + 1], nullptr, 10);
    if (key == "--memory")
      order.memory_bytes = number;
    else if (key == "--file-bytes")
      order.file_bytes = number;
    else if (key == "--cpu")
      order.cpu_seconds = number;
    else if (key == "--processes")
      order.processes = number;
    else if (key == "--files")
      order.files = number;
    else if (key == "--read")
      order.readable.emplace_back(argv[i + 1]);
    else if (key == "--write")
      order.writable = argv[i + 1];
    else if (key == "--channels")
      order.channels = static_cast<int>(std::min<unsigned long long>(number, most_channels));
    else
      return false;
  }
  for (++i; i < argc; ++i) order.program.emplace_back(argv[i]);
  return !order.program.empty() && order.memory_bytes > 0;
}

/// Only the tool keeps its channels: their other ends must see when it is gone.
void close_channels(const Order& order) {
  if (order.channels > 0) syscall(SYS_close_range, first_channel, first_channel + order.channels - 1, 0);
}

bool write_file(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return done;
}

/// T: the last walls, then the tool.
/// @param own_root whether wall_of_files stands
[[noreturn]] void become_tool(const Order& order, uid_t user, bool own_root) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  if (!wall_of_resources(order)) report("lacking:limits");
  // As root, before the rights to open the paths are gone; otherwise a user may build it only without new privileges.
  if (user == 0 && !wall_of_rights(user, false)) give_up("rights cannot be dropped");
  const bool landlock = wall_of_landlock(order);
  if (!landlock) report("lacking:landlock");
  if (user != 0 && !wall_of_rights(user, landlock && !own_root)) give_up("rights cannot be dropped");
  if (!wall_of_calls()) report("lacking:seccomp");
  if (chdir(order.writable.empty() ? "/" : order.writable.c_str()) != 0) give_up("the output folder cannot be entered");
  std::vector<char*> arguments;
  for (const std::string& argument : order.program) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  fcntl(report_descriptor, F_SETFD, FD_CLOEXEC);
  execv(arguments[0], arguments.data());
  give_up("the program cannot be started");
}

/// Waits until `child` ends, gathering orphans; tells how.
void await_tool(pid_t child) {
  for (;;) {
    int status = 0;
    rusage usage{};
    const pid_t ended = wait4(-1, &status, 0, &usage);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) give_up("the tool was lost");
    if (ended != child) continue;
    const long cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                        (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    report("cpu_ms:" + std::to_string(cpu_ms));
    if (WIFSIGNALED(status)) {
      report("signal:" + std::to_string(WTERMSIG(status)));
    } else {
      report("exit:" + std::to_string(WEXITSTATUS(status)));
    }
    _exit(0);
  }
}

/// C: builds the root of its own, then starts T and stays as its init.
[[noreturn]] void be_init(const Order& order, bool spaces, bool user_space, uid_t user, uid_t real_user,
                          gid_t real_group) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (user_space) {
    // An ordinary user inside, so that nothing is regained when the tool is started.
    write_file("/proc/self/setgroups", "deny");
    if (!write_file("/proc/self/uid_map", "1000 " + std::to_string(real_user) + " 1") ||
        !write_file("/proc/self/gid_map", "1000 " + std::to_string(real_group) + " 1")) {
      give_up("user namespace cannot be mapped");
    }
  }
  const bool own_root = spaces && wall_of_files(order);
  if (spaces && !own_root) report("lacking:files");
  const pid_t tool = fork();
  if (tool < 0) give_up("no process");
  if (tool == 0) become_tool(order, user, own_root);
  close_channels(order);
  await_tool(tool);
  _exit(0);
}

/// Resident memory of one process that is its own (anonymous and shared), bytes.
std::uint64_t memory_of(const char* pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%s/status", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[4096];
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  std::uint64_t kilobytes = 0;
  for (const char* key : {"RssAnon:", "RssShmem:"}) {
    if (const char* at = std::strstr(text, key)) kilobytes += std::strtoull(at + std::strlen(key), nullptr, 10);
  }
  return kilobytes * 1024;
}

/// Parent of a process; 0 when it is gone.
pid_t parent_of(const char* pid) {
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%.10s/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  // pid (name) state parent: the name may hold anything, its end is the last bracket.
  const char* end = std::strrchr(text, ')');
  return end == nullptr || std::strlen(end) < 5 ? 0 : static_cast<pid_t>(std::strtol(end + 4, nullptr, 10));
}

std::vector<std::string> all_processes() {
  std::vector<std::string> out;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return out;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && std::strlen(entry->d_name) <= 10)
      out.emplace_back(entry->d_name);
  }
  closedir(folder);
  return out;
}

/// Without namespaces: of all that the launcher started; orphans are handed to it.
std::uint64_t memory_below(pid_t launcher) {
  std::vector<std::pair<std::string, pid_t>> processes;
  for (std::string& pid : all_processes()) {
    const pid_t parent = parent_of(pid.c_str());
    processes.emplace_back(std::move(pid), parent);
  }
  std::vector<pid_t> family{launcher};
  std::uint64_t sum = 0;
  for (std::size_t next = 0; next < family.size(); ++next) {
    for (const auto& [pid, parent] : processes) {
      if (parent != family[next]) continue;
      family.push_back(static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10)));
      sum += memory_of(pid.c_str());
    }
  }
  return sum;
}

/// Of all processes in the namespace of `init`.
std::uint64_t memory_inside(pid_t init, bool spaces) {
  if (!spaces) return memory_below(getpid());
  char own[PATH_MAX], other[PATH_MAX], path[64];
  std::snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
  const ssize_t length = readlink(path, own, sizeof own);
  if (length <= 0) return 0;
  std::uint64_t sum = 0;
  for (const std::string& pid : all_processes()) {
    std::snprintf(path, sizeof path, "/proc/%.10s/ns/pid", pid.c_str());
    const ssize_t size = readlink(path, other, sizeof other);
    if (size == length && std::memcmp(own, other, static_cast<std::size_t>(size)) == 0) sum += memory_of(pid.c_str());
  }
  return sum;
}

volatile sig_atomic_t told_to_end = 0;

/// Without namespaces nothing ends what the tool left behind; it is handed to the launcher (subreaper) and ended here.
void end_orphans() {
  for (int round = 0; round < 200; ++round) {
    const std::string path = "/proc/self/task/" + std::to_string(getpid()) + "/children";
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    char text[4096];
    const ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return;
    text[length] = 0;
    char* next = text;
    for (long pid = std::strtol(next, &next, 10); pid > 0; pid = std::strtol(next, &next, 10)) {
      kill(static_cast<pid_t>(pid), SIGKILL);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    usleep(1000);
  }
}

int watch(const Order& order, pid_t init, bool spaces) {
  std::uint64_t peak = 0;
  for (;;) {
    int status = 0;
    if (told_to_end != 0) kill(init, SIGKILL);
    const pid_t ended = waitpid(init, &status, WNOHANG);
    if (ended == init || (ended < 0 && errno != EINTR)) break;
    timespec before{}, after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    const std::uint64_t now = memory_inside(init, spaces);
    clock_gettime(CLOCK_MONOTONIC, &after);
    peak = std::max(peak, now);
    if (now > order.memory_bytes) {
      report("memory:" + std::to_string(now));
      kill(init, SIGKILL);
      while (waitpid(init, &status, 0) < 0 && errno == EINTR) {
      }
      break;
    }
    // Looking takes at most a twentieth of the time, however many processes the machine has.
    const long looked = (after.tv_sec - before.tv_sec) * 1'000'000 + (after.tv_nsec - before.tv_nsec) / 1000;
    usleep(static_cast<useconds_t>(std::clamp(20 * looked, 20'000L, 200'000L)));
  }
  if (!spaces) end_orphans();
  report("peak:" + std::to_string(peak));
  return 0;
}

}  // namespace

int sandbox_main(int argc, char** argv) {
  Order order;
  if (!read_order(argc, argv, order)) {
    constexpr std::string_view usage = "vedette-sandbox is started by the node only\n";
    return write(STDERR_FILENO, usage.data(), usage.size()) < 0 ? 1 : 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syscall(SYS_close_range, first_channel + order.channels, ~0U, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { told_to_end = 1; });
  const uid_t real_user = getuid();
  const gid_t real_group = getgid();
  // As root the tool becomes a user of its own, so that its count of processes is its own too.
  const uid_t user = real_user == 0 ? 2'000'000'000U + static_cast<uid_t>(getpid()) : 0;
  const auto give_output = [&](uid_t owner, gid_t group) {
    return order.writable.empty() || chown(order.writable.c_str(), owner, group) == 0;
  };
  if (user != 0 && !give_output(user, user)) give_up("the output folder cannot be given to the tool");

  constexpr unsigned long walls = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  bool spaces = true, user_space = false;
  auto clone = [](unsigned long flags) {
    return static_cast<pid_t>(syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  };
  pid_t init = real_user == 0 ? clone(walls) : -1;
  if (init < 0) {
    user_space = true;
    if (user != 0 && !give_output(real_user, real_group)) give_up("the output folder cannot be kept");
    init = clone(walls | CLONE_NEWUSER);
  }
  if (init < 0) {
    spaces = user_space = false;
    report("lacking:namespaces");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (user != 0 && !give_output(user, user)) give_up("the output folder cannot be given to the tool");
    init = fork();
  }
  if (init < 0) give_up("no process");
  if (init == 0) be_init(order, spaces, user_space, user_space ? 0 : user, real_user, real_group);
  close_channels(order);
  return watch(order, init, spaces);
}

}  // namespace vedette::engine
