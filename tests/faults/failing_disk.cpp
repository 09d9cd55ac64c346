// A disk that fails on order: `LD_PRELOAD=libfailing_disk.so VEDETTE_TEST_FAIL_ORDER=<file>`. When the file is there it
// says what is to fail once: "sync <part of a path>" or "write <part of a path>". The call that does it takes the file
// away and gets EIO. A failed sync throws nothing away, a failed write writes nothing: what is tested is that nobody
// goes on as if it had worked.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string content_of(const char* path) {
  const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return {};
  std::array<char, 512> bytes{};
  const long count = ::syscall(SYS_read, static_cast<int>(file), bytes.data(), bytes.size());
  ::syscall(SYS_close, static_cast<int>(file));
  return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : std::string();
}

bool ordered(const char* call, int descriptor) {
  static const char* const order = std::getenv("VEDETTE_TEST_FAIL_ORDER");
  if (order == nullptr || ::access(order, F_OK) != 0) return false;
  const std::string text = content_of(order);
  const std::size_t space = text.find(' ');
  if (space == std::string::npos || text.substr(0, space) != call) return false;
  std::string part = text.substr(space + 1);
  while (!part.empty() && part.back() == '\n') part.pop_back();
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size() - 1);
  if (length <= 0 || std::strstr(path.data(), part.c_str()) == nullptr) return false;
  if (::unlink(order) != 0) return false;  // another thread's call took it
  errno = EIO;
  return true;
}

}  // namespace

extern "C" {

int fsync(int descriptor) {
  if (ordered("sync", descriptor)) return -1;
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
  if (ordered("sync", descriptor)) return -1;
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (ordered("write", descriptor)) return -1;
  return ::syscall(SYS_write, descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  if (ordered("write", descriptor)) return -1;
  return ::syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  if (ordered("write", descriptor)) return -1;
  return ::syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t pwritev(int descriptor, const struct iovec* parts, int count, off_t offset) {
  if (ordered("write", descriptor)) return -1;
  return ::syscall(SYS_pwritev, descriptor, parts, count, offset, 0L);
}

}  // extern "C"
