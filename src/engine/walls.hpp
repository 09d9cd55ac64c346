#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vedette::engine {

/// What the launcher is told on its command line.
struct Order {
  std::uint64_t memory_bytes = 0, file_bytes = 0;
  std::uint64_t cpu_seconds = 0, processes = 0, files = 0;
  std::vector<std::string> readable;
  std::string writable;
  std::vector<std::string> program;  ///< with its arguments
};

// Each wall answers false when this kernel does not give it. All run in a process with one thread.

/// A root of its own: the system's libraries and the readable paths read-only, the output folder, a small /tmp, a few
/// devices; everything else is not there. Needs a mount namespace.
bool wall_of_files(const Order& order);
/// No access but to these paths, no TCP (Landlock, whatever the kernel's version handles).
bool wall_of_landlock(const Order& order);
/// No sockets, no tracing, mounting, namespaces, keys, modules, clocks … (seccomp).
bool wall_of_calls();
/// RLIMIT_*: address space, file size, processor time, processes, open files, no core.
bool wall_of_resources(const Order& order);
/// No capability and no way back to one; as root also another user.
bool wall_of_rights(uid_t user);

}  // namespace vedette::engine
