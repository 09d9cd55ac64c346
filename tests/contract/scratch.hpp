#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

namespace vedette::contract {

/// A folder of its own for one test, gone afterwards.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A file system of a few megabytes that really runs full. Needs the right to mount; `why_not()` says what is missing.
class SmallDisk {
 public:
  explicit SmallDisk(int megabytes) {
    const std::string options = "mode=0700,size=" + std::to_string(megabytes) + "m";
    if (::mount("tmpfs", scratch_.path().c_str(), "tmpfs", 0, options.c_str()) != 0) {
      why_not_ = std::string("no small file system here: mount: ") + std::strerror(errno);
    }
  }
  ~SmallDisk() {
    if (why_not_.empty()) ::umount2(scratch_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  const std::string& why_not() const { return why_not_; }
  const std::string& path() const { return scratch_.path(); }

 private:
  Scratch scratch_;
  std::string why_not_;
};

/// Runs `work` in a process of its own. The child never returns into the test: it ends with what `work` answers.
inline ::pid_t in_child(const std::function<int()>& work) {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  return child;
}

/// Its exit status; 128 + signal where it was killed.
inline int wait_for_child(::pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace vedette::contract
