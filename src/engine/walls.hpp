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
  std::string writable;              ///< empty: none
  int channels = 0;                  ///< descriptors after the report's that the program keeps
  std::vector<std::string> program;  ///< with its arguments
};

// Each wall answers false when this kernel does not give it. All run in a process with one thread.

/// A root of its own: the system's libraries and the readable paths read-only, the output folder, a small /tmp, a few
/// devices; everything else is not there. Needs a mount namespace. Where the present root is no mount of its own (a
/// chroot), the new one is entered by chroot(2) instead of pivot_root(2): the way back needs a right that
/// wall_of_rights drops, and a call that wall_of_calls forbids.
bool wall_of_files(const Order& order);
/// No access but to these paths, no TCP (Landlock, whatever the kernel's version handles).
bool wall_of_landlock(const Order& order);
/// No sockets, no tracing, mounting, namespaces, keys, modules, clocks … (seccomp).
bool wall_of_calls();
/// RLIMIT_*: address space, file size, processor time, processes, open files, no core.
bool wall_of_resources(const Order& order);
/// No capability and no way back to one; as root also another user.
/// @param may_search keeps CAP_DAC_READ_SEARCH, so that the other user gets through folders that are closed to it on
/// the
///        way to its own: only where wall_of_landlock stands and wall_of_files does not.
bool wall_of_rights(uid_t user, bool may_search);

}  // namespace vedette::engine
