#pragma once

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace vedette {

/// Where the crash harness wants the process to die: "<point>" at its first passage, "<point>:<n>" at its n-th.
struct CrashTarget {
  std::string_view name;
  long passage = 1;
  std::atomic<long> passages{0};

  explicit CrashTarget(const char* text) { set(text); }
  /// `text` must live as long as the process.
  void set(const char* text) {
    if (text == nullptr) return;
    name = text;
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos) return;
    std::from_chars(name.data() + colon + 1, name.data() + name.size(), passage);
    name = name.substr(0, colon);
  }
};

/// Read once from the environment variable VEDETTE_CRASH_AT; tests that fork set it in their child.
inline CrashTarget& crash_target() {
  static CrashTarget target(std::getenv("VEDETTE_CRASH_AT"));
  return target;
}

/// Kills the process with SIGKILL where the harness says so. Compiled into every build, so that what is tested is what
/// runs; without a target it costs one comparison.
inline void crash_point(std::string_view point) {
  CrashTarget& target = crash_target();
  if (target.name.empty() || point != target.name) return;
  if (target.passages.fetch_add(1) + 1 == target.passage) ::kill(::getpid(), SIGKILL);
}

}  // namespace vedette
