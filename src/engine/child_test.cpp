#include "engine/child.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/digest.hpp"

namespace vedette::engine {
namespace {

/// A folder for one run, with an output folder inside.
class Trial {
 public:
  Trial() {
    std::string name = testing::TempDir() + "engine-XXXXXX";
    folder = mkdtemp(name.data());
    std::filesystem::create_directory(folder / "out");
  }
  ~Trial() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
  Result<Ended> shell(const std::string& script) {
    Command command{"/bin/sh", {"-c", script}, readable, (folder / "out").string(), {}};
    return run_child(
        command, limits, [&](std::string_view line) { lines.emplace_back(line); }, stop.get_token());
  }
  Result<Ended> python(const std::string& script) {
    Command command{"/usr/bin/python3", {"-I", "-c", script}, readable, (folder / "out").string(), {}};
    return run_child(
        command, limits, [&](std::string_view line) { lines.emplace_back(line); }, stop.get_token());
  }
  std::filesystem::path folder;
  std::vector<std::string> readable, lines;
  std::stop_source stop;
  Limits limits{.memory_bytes = 256ULL << 20, .wall = std::chrono::seconds(20), .output_bytes = 8ULL << 20};
};

#define ASSERT_RUN(ended) ASSERT_TRUE(ended) << ended.error().text() << " " << ended.error().detail

TEST(Child, PrintsLinesAndWritesIntoItsFolder) {
  Trial run;
  const auto ended = run.shell("echo one; echo two; echo done > result.txt; pwd");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::exited);
  EXPECT_EQ(ended->exit_code, 0);
  EXPECT_EQ(run.lines, (std::vector<std::string>{"one", "two", (run.folder / "out").string()}));
  EXPECT_EQ(std::filesystem::file_size(run.folder / "out/result.txt"), 5U);
  EXPECT_TRUE(code_of(*ended).empty());
}

TEST(Child, EveryWallStandsOrIsNamed) {
  const SandboxAbilities able = abilities();
  // What is lacking is said; each test below then holds by the walls that are left.
  EXPECT_EQ(able.ok, able.lacking.empty());
  for (const std::string& wall : able.lacking) EXPECT_TRUE(wall == "namespaces" || wall == "landlock") << wall;
}

TEST(Child, SeesNoOtherFiles) {
  Trial run;
  std::ofstream(run.folder / "secret") << "key";
  std::ofstream(run.folder / "given") << "input";
  run.readable = {(run.folder / "given").string()};
  const std::string folder = run.folder.string();
  const auto ended = run.shell("cat /etc/passwd || echo no-passwd; cat " + folder + "/secret || echo no-secret; cat " +
                               folder + "/given; ls /proc/1/root/ >/dev/null 2>&1 || echo no-root; echo x > " + folder +
                               "/given || echo no-write; ls /home /root /work >/dev/null 2>&1 || echo no-home");
  ASSERT_RUN(ended);
  std::string all;
  for (const auto& line : run.lines) all += line + "\n";
  EXPECT_NE(all.find("no-passwd"), std::string::npos) << all;
  EXPECT_NE(all.find("no-secret"), std::string::npos) << all;
  EXPECT_NE(all.find("input"), std::string::npos) << all;
  EXPECT_NE(all.find("no-write"), std::string::npos) << all;
  EXPECT_NE(all.find("no-home"), std::string::npos) << all;
}

TEST(Child, HasNoNetwork) {
  Trial run;
  const auto ended = run.python(
      "import socket\n"
      "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):\n"
      "  try:\n"
      "    socket.socket(family, socket.SOCK_STREAM); print('socket')\n"
      "  except PermissionError: print('refused')\n");
  ASSERT_RUN(ended);
  EXPECT_EQ(run.lines, (std::vector<std::string>{"refused", "refused", "refused"}));
}

TEST(Child, MayNotTraceMountOrMakeNamespaces) {
  Trial run;
  const auto ended = run.python(
      "import ctypes, os\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "print(libc.ptrace(0, 0, 0, 0), libc.mount(b'x', b'/tmp', b'tmpfs', 0, None), libc.unshare(0x10000000), "
      "os.getuid() != 0)\n");
  ASSERT_RUN(ended);
  EXPECT_EQ(run.lines, (std::vector<std::string>{"-1 -1 -1 True"}));
}

TEST(Child, CrashIsTold) {
  Trial run;
  const auto ended = run.shell("kill -SEGV $$");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::crashed);
  EXPECT_EQ(ended->signal, 11);
  EXPECT_EQ(code_of(*ended), "tool.crashed");
  EXPECT_EQ(words_of(*ended, run.limits), "crashed (signal 11)");
}

TEST(Child, ExitCodeIsTold) {
  Trial run;
  const auto ended = run.shell("exit 7");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->exit_code, 7);
  EXPECT_EQ(code_of(*ended), "tool.exit");
}

TEST(Child, KeepsItsChannelsAndNoOtherDescriptor) {
  Trial run;
  int ends[2], other[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
  ASSERT_EQ(pipe(other), 0);  // not closed on exec: only the sandbox keeps it out
  Command command{"/usr/bin/python3",
                  {"-I", "-c",
                   "import os\n"
                   "os.write(4, b'hello')\n"
                   "print(os.read(4, 100))\n"
                   "print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:5] if os.path.exists('/proc/self/fd') "
                   "else 'none')\n"
                   "for n in range(5, 64):\n"
                   "  try: os.fstat(n); print('open', n)\n"
                   "  except OSError: pass\n"},
                  {},
                  "",
                  {}};
  command.channels = {ends[0]};
  command.started = [&] { close(ends[0]); };
  std::jthread friendly([&] {
    char bytes[16];
    EXPECT_EQ(read(ends[1], bytes, sizeof bytes), 5);
    EXPECT_EQ(write(ends[1], "you", 3), 3);
  });
  const auto ended = run_child(command, run.limits, [&](std::string_view line) { run.lines.emplace_back(line); }, {});
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->exit_code, 0);
  ASSERT_FALSE(run.lines.empty());
  EXPECT_EQ(run.lines[0], "b'you'");
  for (const std::string& line : run.lines) EXPECT_FALSE(line.starts_with("open")) << line;
  // Its end is seen: nobody else holds the channel.
  friendly.join();
  char byte;
  EXPECT_EQ(read(ends[1], &byte, 1), 0);
  for (const int each : {ends[1], other[0], other[1]}) close(each);
}

TEST(Child, WithoutAnOutputFolderItWritesNowhere) {
  Trial run;
  Command command{"/bin/sh", {"-c", "pwd; echo x > here || echo no-write"}, {}, "", {}};
  const auto ended = run_child(command, run.limits, [&](std::string_view line) { run.lines.emplace_back(line); }, {});
  ASSERT_RUN(ended);
  EXPECT_EQ(run.lines, (std::vector<std::string>{"/", "no-write"}));
}

TEST(Child, HangEndsAtItsTimeLimitWithAllThatItStarted) {
  Trial run;
  run.limits.wall = std::chrono::milliseconds(700);
  const auto start = std::chrono::steady_clock::now();
  // A number of this process alone: the same test may run beside it, under other walls.
  const std::string seconds = "9" + std::to_string(getpid()) + "4";
  const auto ended = run.shell("(setsid sleep " + seconds + " &) ; sleep " + seconds);
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::wall_time);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_NE(std::system(("pgrep -fx 'sleep " + seconds + "' >/dev/null").c_str()), 0);
}

TEST(Child, EatingMemoryEndsAtTheMemoryLimit) {
  Trial run;
  const auto ended = run.python("a = []\nwhile True: a.append(bytearray(8 << 20))");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::memory) << words_of(*ended, run.limits);
  EXPECT_EQ(words_of(*ended, run.limits), "stopped at its memory limit of 256 MiB");
}

TEST(Child, MemoryOfAllItsProcessesCounts) {
  Trial run;
  const auto ended = run.python(
      "import os, time\n"
      "for i in range(8): \n"
      "  if os.fork() == 0:\n"
      "    a = bytearray(64 << 20)\n"
      "    time.sleep(10); os._exit(0)\n"
      "time.sleep(10)\n");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::memory) << words_of(*ended, run.limits);
}

TEST(Child, ForkingWithoutEndIsBounded) {
  Trial run;
  run.limits.processes = 32;
  run.limits.wall = std::chrono::seconds(3);
  const auto ended = run.python(
      "import os, time\n"
      "made = 0\n"
      "try:\n"
      "  while True:\n"
      "    if os.fork() == 0: time.sleep(30); os._exit(0)\n"
      "    made += 1\n"
      "except OSError: print(made, flush=True)\n"
      "os._exit(0)\n");
  ASSERT_RUN(ended);
  ASSERT_EQ(run.lines.size(), 1U);
  EXPECT_LT(std::stoi(run.lines[0]), 32);
}

TEST(Child, WritingTooMuchEndsIt) {
  Trial run;
  const auto one = run.shell("dd if=/dev/zero of=big bs=1M count=100000");
  ASSERT_RUN(one);
  EXPECT_NE(code_of(*one), "");
  EXPECT_LE(std::filesystem::file_size(run.folder / "out/big"), 9U << 20);
  Trial many;
  const auto ended = many.shell("i=0; while :; do dd if=/dev/zero of=f$i bs=1M count=4 2>/dev/null; i=$((i+1)); done");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::output) << words_of(*ended, many.limits);
}

TEST(Child, ProcessorTimeIsBounded) {
  Trial run;
  run.limits.cpu = std::chrono::seconds(1);
  const auto ended = run.python("while True: pass");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::cpu_time) << words_of(*ended, run.limits);
}

TEST(Child, StopEndsItSoon) {
  Trial run;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    run.stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto ended = run.shell("sleep 60");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::stopped);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Child, WhatItPrintsOnErrorIsCountedNotKept) {
  Trial run;
  const auto ended = run.shell("printf 'Doe^John' >&2");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->printed_bytes, 8U);
  EXPECT_EQ(ended->printed_digest, sha256(as_bytes("Doe^John")).hex());
}

TEST(Child, EndlessPrintingIsDropped) {
  Trial run;
  run.limits.printed_bytes = 1000;
  run.limits.wall = std::chrono::seconds(1);
  const auto ended = run.shell("yes");
  ASSERT_RUN(ended);
  EXPECT_EQ(ended->how, Ended::How::wall_time);
  EXPECT_LE(run.lines.size(), 500U);
}

TEST(Child, ProgramThatIsNotThereFailsAsUnavailable) {
  Trial run;
  Command command{"/nowhere/tool", {}, {}, (run.folder / "out").string(), {}};
  const auto ended = run_child(command, run.limits, {}, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().fault, Fault::unavailable);
}

}  // namespace
}  // namespace vedette::engine
