#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vedette::engine {

/// Bounds of one child and all that it starts. Each is enforced; passing one ends the child.
struct Limits {
  std::uint64_t memory_bytes = 4ULL << 30;  ///< resident, all its processes together
  std::chrono::milliseconds wall{300'000};
  std::chrono::seconds cpu{1200};            ///< of each process
  std::uint64_t output_bytes = 1ULL << 30;   ///< all files in its output folder together
  std::uint64_t line_bytes = 4096;           ///< of one line on standard output; longer ones are cut
  std::uint64_t printed_bytes = 4ULL << 20;  ///< on standard output and error; the rest is read and dropped
  int processes = 128;
  int files = 256;  ///< open at the same time, of each process
};

struct Command {
  std::string program;  ///< absolute path
  std::vector<std::string> arguments{};
  std::vector<std::string>
      readable{};      ///< files and folders that it may read, absolute; the system's libraries are added
  std::string output;  ///< the one folder it may write, absolute, there already; empty: none
  std::map<std::string, std::string> environment{};
  /// Sockets that it is given as descriptors first_channel, first_channel + 1 …; everything else stays closed. They
  /// stay the caller's.
  std::vector<int> channels{};
  /// Called once it was started: the time to close the channels here, so that their other ends see when it is gone.
  std::function<void()> started{};
};
constexpr int first_channel = 4;
constexpr std::size_t most_channels = 8;

/// How a child came to its end.
struct Ended {
  enum class How : std::uint8_t { exited, crashed, wall_time, cpu_time, memory, output, stopped };
  How how = How::exited;
  int exit_code = 0;
  int signal = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  std::uint64_t peak_bytes = 0;      ///< resident
  std::uint64_t printed_bytes = 0;   ///< on standard error; the text itself is not kept
  std::string printed_digest;        ///< SHA-256 of it, to tell two failures apart
  std::vector<std::string> lacking;  ///< walls that this kernel could not give
};
/// "tool.time_limit", "tool.crashed" …; empty when it exited with 0.
std::string code_of(const Ended& ended);
/// "stopped at its time limit of 300 s", "crashed (signal 11)" …: after the tool's name.
std::string words_of(const Ended& ended, const Limits& limits);

/// Runs a child to its end, at most Limits::wall. `line` gets each whole line of its standard output (in this thread;
/// never to be logged). Fails unavailable when the sandbox cannot be started or built at all. Any thread, any number at
/// once.
Result<Ended> run_child(const Command& command, const Limits& limits, const std::function<void(std::string_view)>& line,
                        std::stop_token stop);

/// What this kernel gives and lacks; found by building a sandbox once.
struct SandboxAbilities {
  bool ok = false;                   ///< every wall stands
  std::vector<std::string> lacking;  ///< "namespaces", "landlock", "seccomp", "network", or why no sandbox can be built
};
SandboxAbilities abilities();

/// The executable that builds the walls: `VEDETTE_SANDBOX`, else vedette-sandbox beside the running program.
std::string sandbox_program();

}  // namespace vedette::engine
