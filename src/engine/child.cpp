#include "engine/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "engine/descriptor.hpp"

namespace vedette::engine {

namespace {

using Moment = std::chrono::steady_clock::time_point;

/// Above what is set up for the child, so that moving one there never covers another.
constexpr int above_child = first_channel + static_cast<int>(most_channels);

struct Pipe {
  Descriptor reading, writing;
};
std::optional<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  Pipe out{Descriptor(fcntl(ends[0], F_DUPFD_CLOEXEC, above_child)),
           Descriptor(fcntl(ends[1], F_DUPFD_CLOEXEC, above_child))};
  ::close(ends[0]);
  ::close(ends[1]);
  if (!out.reading.open() || !out.writing.open()) return std::nullopt;
  fcntl(out.reading.get(), F_SETFL, O_NONBLOCK);
  return out;
}

/// Cuts a stream into lines, within bounds.
class Lines {
 public:
  Lines(const Limits& limits, const std::function<void(std::string_view)>& sink) : limits_(limits), sink_(sink) {}

  void take(std::string_view bytes) {
    for (const char c : bytes) {
      if (++seen_ > limits_.printed_bytes) return;
      if (c == '\n') {
        end();
      } else if (line_.size() < limits_.line_bytes) {
        line_ += c;
      }
    }
  }
  void end() {
    if (!line_.empty() && sink_) sink_(line_);
    line_.clear();
  }

 private:
  const Limits& limits_;
  const std::function<void(std::string_view)>& sink_;
  std::string line_;
  std::uint64_t seen_ = 0;
};

std::vector<std::string> arguments_of(const Command& command, const Limits& limits) {
  std::vector<std::string> out{sandbox_program()};
  const auto cpu = static_cast<std::uint64_t>(std::max<std::int64_t>(1, limits.cpu.count()));
  const auto add = [&](const char* key, std::string value) {
    out.emplace_back(key);
    out.push_back(std::move(value));
  };
  add("--memory", std::to_string(limits.memory_bytes));
  // The bound of one file holds for memory that is handed to a network too; what lies on the disk is counted besides.
  const std::uint64_t shared = command.channels.empty() ? 0 : limits.memory_bytes;
  add("--file-bytes", std::to_string(std::max(limits.output_bytes, shared)));
  add("--cpu", std::to_string(cpu));
  add("--processes", std::to_string(limits.processes));
  add("--files", std::to_string(limits.files));
  for (const std::string& path : command.readable) add("--read", path);
  if (!command.output.empty()) add("--write", command.output);
  if (!command.channels.empty()) add("--channels", std::to_string(command.channels.size()));
  out.emplace_back("--");
  out.push_back(command.program);
  out.insert(out.end(), command.arguments.begin(), command.arguments.end());
  return out;
}

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> all{
      {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/tmp"}, {"TMPDIR", "/tmp"}, {"LANG", "C.UTF-8"}};
  for (const auto& [name, value] : command.environment) all[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  std::uint64_t entries = 0;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
    if (it->is_regular_file(error) && !it->is_symlink(error)) sum += it->file_size(error);
    sum += 4096;  // an entry itself
    if (++entries > 1'000'000) break;
  }
  return sum;
}

/// What the launcher reports.
struct Report {
  std::optional<int> exit_code, signal;
  bool memory = false;
  std::uint64_t peak = 0;
  double cpu = 0;
  std::vector<std::string> lacking;
  std::string error;

  void take(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view key = line.substr(0, colon), value = line.substr(colon + 1);
    const long long number = to_integer(value).value_or(0);
    if (key == "exit") exit_code = static_cast<int>(number);
    if (key == "signal") signal = static_cast<int>(number);
    if (key == "memory") memory = true;
    if (key == "memory" || key == "peak") peak = std::max(peak, static_cast<std::uint64_t>(number));
    if (key == "cpu_ms") cpu = static_cast<double>(number) / 1000;
    if (key == "lacking") lacking.emplace_back(value);
    if (key == "error") error = std::string(value);
  }
};

Error cannot_start(std::string detail) {
  return Error{
      Fault::unavailable, "tool.sandbox", "The sandbox cannot be started", "", "Ask for `vedette doctor` on the node.",
      std::move(detail)};
}

/// The running launcher with its three streams.
class Running {
 public:
  static Result<Running> start(const Command& command, const Limits& limits) {
    Running running;
    auto out = make_pipe(), error = make_pipe(), report = make_pipe();
    if (!out || !error || !report) return cannot_start(std::strerror(errno));
    if (command.channels.size() > most_channels) return cannot_start("too many channels");
    std::vector<Descriptor> channels;
    for (const int channel : command.channels) {
      channels.emplace_back(fcntl(channel, F_DUPFD_CLOEXEC, above_child));
      if (!channels.back().open()) return cannot_start(std::strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out->writing.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, error->writing.get(), 2);
    posix_spawn_file_actions_adddup2(&actions, report->writing.get(), 3);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      posix_spawn_file_actions_adddup2(&actions, channels[i].get(), first_channel + static_cast<int>(i));
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int each : {SIGTERM, SIGINT, SIGPIPE, SIGHUP}) sigaddset(&defaults, each);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    auto arguments = arguments_of(command, limits);
    auto environment = environment_of(command);
    const int failed = posix_spawn(&running.pid_, arguments[0].c_str(), &actions, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) return cannot_start(arguments[0] + ": " + std::strerror(failed));
    running.streams_ = {std::move(out->reading), std::move(error->reading), std::move(report->reading)};
    return running;
  }
  Running(Running&& other) noexcept : pid_(std::exchange(other.pid_, -1)), streams_(std::move(other.streams_)) {}
  Running& operator=(Running&&) = delete;
  ~Running() {
    if (pid_ > 0) finish(true);
  }

  /// Waits for bytes, at most `wait`; gives them to the takers. False when all three streams have ended.
  bool pump(std::chrono::milliseconds wait, const std::function<void(std::size_t, std::string_view)>& take) {
    std::array<pollfd, 3> polled{};
    for (std::size_t i = 0; i < 3; ++i) polled[i] = {streams_[i].get(), POLLIN, 0};
    poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
    bool alive = false;
    for (std::size_t i = 0; i < 3; ++i) {
      if (!streams_[i].open()) continue;
      if (polled[i].revents != 0) read_all(i, take);
      alive |= streams_[i].open();
    }
    return alive;
  }

  void tell_to_end() {
    if (pid_ > 0) kill(pid_, SIGTERM);
  }
  /// Reaps the launcher; hard: kills it first when it does not go within a second.
  void finish(bool hard) {
    for (int i = 0; i < 100 && pid_ > 0; ++i) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
      if (pid_ > 0) usleep(10'000);
      if (hard && i == 0 && pid_ > 0) kill(pid_, SIGTERM);
    }
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

 private:
  Running() = default;
  void read_all(std::size_t stream, const std::function<void(std::size_t, std::string_view)>& take) {
    char bytes[65536];
    const ssize_t count = read(streams_[stream].get(), bytes, sizeof bytes);
    if (count > 0) {
      take(stream, std::string_view(bytes, static_cast<std::size_t>(count)));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      streams_[stream].close();
    }
  }

  pid_t pid_ = -1;
  std::array<Descriptor, 3> streams_{};
};

Ended::How how_of(const Report& report, const Limits& limits) {
  if (report.memory) return Ended::How::memory;
  if (report.signal) {
    if (*report.signal == SIGXCPU) return Ended::How::cpu_time;
    if (*report.signal == SIGXFSZ) return Ended::How::output;
    // An allocation that the address space refused, near the bound: it is the same limit.
    if (report.peak > limits.memory_bytes / 10 * 9) return Ended::How::memory;
    return Ended::How::crashed;
  }
  if (!report.exit_code) return Ended::How::crashed;
  if (*report.exit_code != 0 && report.peak > limits.memory_bytes / 10 * 9) return Ended::How::memory;
  return Ended::How::exited;
}

}  // namespace

Result<Ended> run_child(const Command& command, const Limits& limits, const std::function<void(std::string_view)>& line,
                        std::stop_token stop) {
  const Moment start = std::chrono::steady_clock::now();
  Running running = VEDETTE_TRY(Running::start(command, limits));
  if (command.started) command.started();
  Ended ended;
  Report report;
  Sha256 printed;
  Lines lines(limits, line);
  const std::function<void(std::string_view)> on_report = [&](std::string_view text) { report.take(text); };
  Lines reports(limits, on_report);
  const auto take = [&](std::size_t stream, std::string_view bytes) {
    if (stream == 0) lines.take(bytes);
    if (stream == 1) {
      if (ended.printed_bytes < limits.printed_bytes) printed.update(as_bytes(bytes));
      ended.printed_bytes += bytes.size();
    }
    if (stream == 2) reports.take(bytes);
  };
  std::optional<Ended::How> ordered;
  Moment look = start, given_up{};
  while (running.pump(std::chrono::milliseconds(25), take)) {
    const Moment now = std::chrono::steady_clock::now();
    if (!ordered && now - start > limits.wall) ordered = Ended::How::wall_time;
    if (!ordered && stop.stop_requested()) ordered = Ended::How::stopped;
    if (!ordered && now >= look) {
      const auto took = std::chrono::steady_clock::now();
      if (!command.output.empty() && bytes_in(command.output) > limits.output_bytes) ordered = Ended::How::output;
      // Looking never takes more than a tenth of the time.
      look = std::chrono::steady_clock::now() +
             std::max<std::chrono::nanoseconds>(std::chrono::milliseconds(100),
                                                10 * (std::chrono::steady_clock::now() - took));
    }
    if (ordered && given_up == Moment{}) {
      running.tell_to_end();
      given_up = now + std::chrono::seconds(2);
    }
    if (ordered && now > given_up) break;
  }
  running.finish(ordered.has_value());
  lines.end();
  reports.end();
  if (!report.error.empty() && !report.exit_code && !report.signal && !ordered) return cannot_start(report.error);
  if (report.exit_code && *report.exit_code == 125 && !report.error.empty()) return cannot_start(report.error);
  ended.how = ordered.value_or(how_of(report, limits));
  ended.exit_code = report.exit_code.value_or(-1);
  ended.signal = report.signal.value_or(0);
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ended.cpu_seconds = report.cpu;
  ended.peak_bytes = report.peak;
  ended.printed_digest = printed.finish().hex();
  ended.lacking = std::move(report.lacking);
  return ended;
}

std::string code_of(const Ended& ended) {
  switch (ended.how) {
    case Ended::How::exited:
      return ended.exit_code == 0 ? "" : "tool.exit";
    case Ended::How::crashed:
      return "tool.crashed";
    case Ended::How::wall_time:
      return "tool.time_limit";
    case Ended::How::cpu_time:
      return "tool.processor_limit";
    case Ended::How::memory:
      return "tool.memory_limit";
    case Ended::How::output:
      return "tool.output_limit";
    case Ended::How::stopped:
      return "tool.stopped";
  }
  return "tool.crashed";
}

std::string words_of(const Ended& ended, const Limits& limits) {
  const double wall = std::chrono::duration<double>(limits.wall).count();
  switch (ended.how) {
    case Ended::How::exited:
      return ended.exit_code == 0 ? "ended" : fmt::format("ended with code {}", ended.exit_code);
    case Ended::How::crashed:
      return fmt::format("crashed (signal {})", ended.signal);
    case Ended::How::wall_time:
      return fmt::format("stopped at its time limit of {:g} s", wall);
    case Ended::How::cpu_time:
      return fmt::format("stopped at its limit of {} s of processor time", limits.cpu.count());
    case Ended::How::memory:
      return fmt::format("stopped at its memory limit of {} MiB", limits.memory_bytes >> 20);
    case Ended::How::output:
      return fmt::format("stopped at its limit of {} MiB of output", limits.output_bytes >> 20);
    case Ended::How::stopped:
      return "was stopped";
  }
  return "crashed";
}

std::string sandbox_program() {
  if (const char* named = std::getenv("VEDETTE_SANDBOX")) return named;
  std::error_code error;
  return (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "vedette-sandbox").string();
}

SandboxAbilities abilities() {
  SandboxAbilities out;
  std::string folder = (std::filesystem::temp_directory_path() / "vedette-sandbox-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    out.lacking.emplace_back("a temporary folder");
    return out;
  }
  Limits limits;
  limits.wall = std::chrono::seconds(10);
  const auto ended = run_child({"/bin/true", {}, {}, folder, {}}, limits, {}, {});
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (!ended) {
    out.lacking.push_back(ended.error().detail.empty() ? ended.error().cause : ended.error().detail);
    return out;
  }
  out.lacking = ended->lacking;
  if (ended->how != Ended::How::exited || ended->exit_code != 0)
    out.lacking.emplace_back("a sandbox that runs anything");
  out.ok = out.lacking.empty();
  return out;
}

}  // namespace vedette::engine
