// A disk that keeps only what was flushed: preload this library, kill the process, then let disk.py take the folder
// back.
//
// Every change below $VEDETTE_DISK_ROOT is first written to the log $VEDETTE_DISK_LOG together with what it covers (an
// undo and a redo record), then done. A flush is a line in the log and nothing else, so a run needs no real disk. What
// is unlinked or replaced stays reachable in $VEDETTE_DISK_KEPT. $VEDETTE_DISK_LIES names the end of file names whose
// flushes are not noted ("all": every one): a disk that lies, to prove that the judge sees it.
//
// What it does not see is listed in README.md. One lock: the log has the order in which things happened.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// The library's own function of this name, behind ours.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define NEXT(name)                                           \
  (*[] {                                                     \
    static auto* const real = next<decltype(::name)>(#name); \
    return real;                                             \
  }())

enum Kind : std::uint8_t { write_ = 1, size_ = 2, flush_ = 3, create_ = 4, unlink_ = 5, rename_ = 6 };

/// One line of the log; disk.py reads the same fields. Paths and bytes follow.
struct Line {
  std::uint32_t magic = 0x4B534456;  // "VDSK"
  std::uint8_t kind = 0;
  std::uint8_t old_zero = 0, new_zero = 0;  ///< the bytes are all zero and left out
  std::uint8_t folder = 0;                  ///< what was made is a folder
  std::uint64_t file = 0;                   ///< inode: of the file, or of the folder whose entries change
  std::uint64_t offset = 0;
  std::uint64_t old_size = 0, new_size = 0;  ///< of the file, before and after
  std::uint64_t old_length = 0, new_length = 0;
  std::uint64_t other = 0;  ///< inode: of what was made; of the folder that a rename goes to
  std::uint16_t path_length = 0, path2_length = 0, kept_length = 0, unused = 0;
};
static_assert(sizeof(Line) == 72);

struct Disk {
  std::string root, kept, lies;
  int log = -1;
  std::recursive_mutex mutex;
  std::atomic<std::uint64_t> files[65536] = {};  ///< inode by descriptor; 0: not ours
  std::uint64_t next_kept = 0;

  Disk() {
    const char* folder = std::getenv("VEDETTE_DISK_ROOT");
    const char* path = std::getenv("VEDETTE_DISK_LOG");
    const char* side = std::getenv("VEDETTE_DISK_KEPT");
    const char* lying = std::getenv("VEDETTE_DISK_LIES");
    if (folder == nullptr || path == nullptr || side == nullptr) return;
    root = folder;
    kept = side;
    lies = lying == nullptr ? "" : lying;
    log = NEXT(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  bool on() const { return log >= 0; }
};

Disk& disk() {
  static Disk* const one = new Disk;  // never destroyed: threads write until the very end
  return *one;
}

[[noreturn]] void give_up(const char* what) {
  const std::string text = std::string("vedette disk: ") + what + ": " + std::strerror(errno) + "\n";
  (void)!NEXT(write)(2, text.data(), text.size());
  std::abort();
}

std::uint64_t watched(int descriptor) {
  if (descriptor < 0 || descriptor >= 65536) return 0;
  std::atomic<std::uint64_t>& file = disk().files[descriptor];
  if (file.load() == 0) return 0;
  // The C library closes some by itself (closedir): the number may mean a socket by now.
  struct ::stat about {};
  const int error = errno;
  if (::fstat(descriptor, &about) != 0 || about.st_ino != file.load() ||
      !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) {
    file = 0;
  }
  errno = error;
  return file.load();
}

/// Absolute and without "." and ".."; links are not followed.
std::string absolute(int folder, const char* path) {
  std::string text = path;
  if (text.empty() || text[0] != '/') {
    char at[PATH_MAX] = {};
    const std::string link = folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(folder);
    const ssize_t length = ::readlink(link.c_str(), at, sizeof at - 1);
    if (length < 0) return {};
    text = std::string(at, static_cast<std::size_t>(length)) + "/" + text;
  }
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('/', i), text.size());
    const std::string part = text.substr(i, end - i);
    i = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      out.erase(std::min(out.rfind('/'), out.size()));
    } else {
      out += "/" + part;
    }
  }
  return out;
}

bool ours(const std::string& path) {
  const Disk& d = disk();
  return d.on() && path.size() > d.root.size() && path.starts_with(d.root) && path[d.root.size()] == '/';
}

std::uint64_t folder_of(const std::string& path) {
  struct ::stat about {};
  return ::stat(path.substr(0, path.rfind('/')).c_str(), &about) == 0 ? about.st_ino : 0;
}

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

void put(Line line, std::string_view path = {}, std::string_view path2 = {}, std::string_view kept = {},
         std::string_view old_bytes = {}, std::string_view new_bytes = {}) {
  line.path_length = static_cast<std::uint16_t>(path.size());
  line.path2_length = static_cast<std::uint16_t>(path2.size());
  line.kept_length = static_cast<std::uint16_t>(kept.size());
  line.old_length = old_bytes.size();
  line.new_length = new_bytes.size();
  line.old_zero = all_zero(old_bytes) ? 1 : 0;
  line.new_zero = all_zero(new_bytes) ? 1 : 0;
  std::string text(reinterpret_cast<const char*>(&line), sizeof line);
  text.append(path).append(path2).append(kept);
  if (line.old_zero == 0) text.append(old_bytes);
  if (line.new_zero == 0) text.append(new_bytes);
  if (NEXT(write)(disk().log, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up("log");
}

struct Extent {
  std::uint64_t size = 0;
  std::string old;
};

Extent look(int descriptor, std::uint64_t offset, std::uint64_t count) {
  struct ::stat about {};
  if (::fstat(descriptor, &about) != 0) give_up("stat");
  Extent out{static_cast<std::uint64_t>(about.st_size), {}};
  if (offset >= out.size) return out;
  out.old.resize(std::min(count, out.size - offset));
  // A file may be open for writing only: then it is read by another way.
  int reader = descriptor;
  if ((::fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    reader = NEXT(open64)(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_RDONLY | O_CLOEXEC);
    if (reader < 0) give_up("open");
  }
  std::size_t have = 0;
  while (have < out.old.size()) {
    const ssize_t got =
        ::pread64(reader, out.old.data() + have, out.old.size() - have, static_cast<off64_t>(offset + have));
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (reader != descriptor) NEXT(close)(reader);
  return out;
}

void note_write(int descriptor, std::uint64_t file, std::uint64_t offset, std::string_view bytes) {
  const Extent before = look(descriptor, offset, bytes.size());
  Line line;
  line.kind = write_;
  line.file = file;
  line.offset = offset;
  line.old_size = before.size;
  line.new_size = std::max(before.size, offset + bytes.size());
  put(line, {}, {}, {}, before.old, bytes);
}

void note_size(int descriptor, std::uint64_t file, std::uint64_t size) {
  const Extent before = look(descriptor, size, UINT64_MAX);
  Line line;
  line.kind = size_;
  line.file = file;
  line.offset = size;
  line.old_size = before.size;
  line.new_size = size;
  put(line, {}, {}, {}, before.old);
}

std::string name_of(int descriptor) {
  char at[PATH_MAX] = {};
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), at, sizeof at - 1);
  return length < 0 ? std::string() : std::string(at, static_cast<std::size_t>(length));
}

/// A flush: no real one, so that a lost page cache is all that a power cut takes.
int flush(int descriptor, int (*real)(int)) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return real(descriptor);
  const Disk& d = disk();
  if (!d.lies.empty() && (d.lies == "all" || name_of(descriptor).ends_with(d.lies))) return 0;
  const std::scoped_lock lock(disk().mutex);
  Line line;
  line.kind = flush_;
  line.file = file;
  put(line);
  return 0;
}

void note_made(const std::string& path, std::uint64_t made, bool folder) {
  Line line;
  line.kind = create_;
  line.file = folder_of(path);
  line.other = made;
  line.folder = folder ? 1 : 0;
  put(line, path);
}

/// Another name for what is about to go, on the same disk.
std::string keep(const std::string& path) {
  const std::string kept = disk().kept + "/" + std::to_string(::getpid()) + "-" + std::to_string(disk().next_kept++);
  if (NEXT(link)(path.c_str(), kept.c_str()) != 0) return {};
  return kept;
}

void watch(int descriptor) {
  struct ::stat about {};
  if (descriptor < 0 || descriptor >= 65536 || ::fstat(descriptor, &about) != 0) return;
  if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) disk().files[descriptor] = about.st_ino;
}

template <typename Open>
int opened(int folder, const char* path, int flags, Open open) {
  if (!disk().on()) return open();
  const std::string full = absolute(folder, path);
  if (full != disk().root && !ours(full)) return open();
  const std::scoped_lock lock(disk().mutex);
  const bool makes = (flags & O_CREAT) != 0 && ::access(full.c_str(), F_OK) != 0;
  if ((flags & O_TRUNC) != 0 && !makes) {
    const int before = NEXT(open64)(full.c_str(), O_RDONLY | O_CLOEXEC);
    struct ::stat about {};
    if (before >= 0 && ::fstat(before, &about) == 0) note_size(before, about.st_ino, 0);
    if (before >= 0) NEXT(close)(before);
  }
  const int descriptor = open();
  const int error = errno;
  watch(descriptor);
  if (makes && descriptor >= 0) note_made(full, watched(descriptor), false);
  errno = error;
  return descriptor;
}

template <typename Remove>
int removed(int folder, const char* path, bool is_folder, Remove remove) {
  if (!disk().on()) return remove();
  const std::string full = absolute(folder, path);
  if (!ours(full)) return remove();
  const std::scoped_lock lock(disk().mutex);
  struct ::stat about {};
  if (::lstat(full.c_str(), &about) != 0) return remove();
  const std::string kept = is_folder ? std::string() : keep(full);
  const int done = remove();
  if (done != 0) return done;
  Line line;
  line.kind = unlink_;
  line.file = folder_of(full);
  line.other = about.st_ino;
  line.folder = is_folder ? 1 : 0;
  put(line, full, {}, kept);
  return done;
}

template <typename Rename>
int renamed(const std::string& from, const std::string& to, Rename rename) {
  if (!ours(from) && !ours(to)) return rename();
  const std::scoped_lock lock(disk().mutex);
  struct ::stat about {};
  const std::string kept = ::lstat(to.c_str(), &about) == 0 && S_ISREG(about.st_mode) ? keep(to) : std::string();
  Line line;
  line.kind = rename_;
  line.file = folder_of(from);
  line.other = folder_of(to);
  const int done = rename();
  if (done == 0) put(line, from, to, kept);
  return done;
}

std::string joined(const ::iovec* parts, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return out;
}

/// A write at an offset; the whole of it is done under the lock, so that the log has its place.
ssize_t written_at(int descriptor, std::uint64_t file, std::string_view bytes, std::uint64_t offset) {
  const std::scoped_lock lock(disk().mutex);
  note_write(descriptor, file, offset, bytes);
  return NEXT(pwrite64)(descriptor, bytes.data(), bytes.size(), static_cast<off64_t>(offset));
}

ssize_t written_here(int descriptor, std::uint64_t file, std::string_view bytes) {
  const std::scoped_lock lock(disk().mutex);
  struct ::stat about {};
  const bool append = (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
  const off64_t at =
      append ? (::fstat(descriptor, &about) == 0 ? about.st_size : 0) : ::lseek64(descriptor, 0, SEEK_CUR);
  if (at < 0) give_up("seek");
  note_write(descriptor, file, static_cast<std::uint64_t>(at), bytes);
  return NEXT(write)(descriptor, bytes.data(), bytes.size());
}

int sized(int descriptor, std::uint64_t size, int (*real)(int, off64_t)) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return real(descriptor, static_cast<off64_t>(size));
  const std::scoped_lock lock(disk().mutex);
  note_size(descriptor, file, size);
  return real(descriptor, static_cast<off64_t>(size));
}

/// Room only taken changes nothing that can be read but the size; a hole reads as zeros.
int allocated(int descriptor, int mode, off64_t offset, off64_t length) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return NEXT(fallocate64)(descriptor, mode, offset, length);
  const std::scoped_lock lock(disk().mutex);
  if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
    struct ::stat about {};
    if (::fstat(descriptor, &about) != 0) give_up("stat");
    const off64_t end = std::min<off64_t>(about.st_size, offset + length);
    if (end > offset)
      note_write(descriptor, file, static_cast<std::uint64_t>(offset),
                 std::string(static_cast<std::size_t>(end - offset), '\0'));
  } else if ((mode & FALLOC_FL_KEEP_SIZE) == 0) {
    struct ::stat about {};
    if (::fstat(descriptor, &about) != 0) give_up("stat");
    if (offset + length > about.st_size) note_size(descriptor, file, static_cast<std::uint64_t>(offset + length));
  }
  return NEXT(fallocate64)(descriptor, mode, offset, length);
}

mode_t mode_of(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(rest, unsigned)) : 0;
}

}  // namespace

#define MODE                                \
  va_list rest;                             \
  va_start(rest, flags);                    \
  const mode_t mode = mode_of(flags, rest); \
  va_end(rest)

extern "C" {

int open(const char* path, int flags, ...) {
  MODE;
  return opened(AT_FDCWD, path, flags, [&] { return NEXT(open64)(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  MODE;
  return opened(AT_FDCWD, path, flags, [&] { return NEXT(open64)(path, flags, mode); });
}
int openat(int folder, const char* path, int flags, ...) {
  MODE;
  return opened(folder, path, flags, [&] { return NEXT(openat64)(folder, path, flags, mode); });
}
int openat64(int folder, const char* path, int flags, ...) {
  MODE;
  return opened(folder, path, flags, [&] { return NEXT(openat64)(folder, path, flags, mode); });
}
int __open_2(const char* path, int flags) {
  return open64(path, flags);
}
int __open64_2(const char* path, int flags) {
  return open64(path, flags);
}
int __openat_2(int folder, const char* path, int flags) {
  return openat64(folder, path, flags);
}
int __openat64_2(int folder, const char* path, int flags) {
  return openat64(folder, path, flags);
}
int creat(const char* path, mode_t mode) {
  return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

// Streams of C++ open by fopen and write by write().
static FILE* opened_stream(const char* path, const char* how, FILE* (*real)(const char*, const char*)) {
  if (!disk().on() || (!ours(absolute(AT_FDCWD, path)))) return real(path, how);
  const std::scoped_lock lock(disk().mutex);
  const int flags = std::strchr(how, 'w') != nullptr   ? O_CREAT | O_TRUNC
                    : std::strchr(how, 'a') != nullptr ? O_CREAT
                                                       : 0;
  FILE* file = nullptr;
  const int descriptor = opened(AT_FDCWD, path, flags, [&] {
    file = real(path, how);
    return file == nullptr ? -1 : ::fileno(file);
  });
  (void)descriptor;
  return file;
}
FILE* fopen(const char* path, const char* how) {
  return opened_stream(path, how, &NEXT(fopen));
}
FILE* fopen64(const char* path, const char* how) {
  return opened_stream(path, how, &NEXT(fopen64));
}
int fclose(FILE* file) {
  const int descriptor = ::fileno(file);
  if (descriptor >= 0 && descriptor < 65536) disk().files[descriptor] = 0;
  return NEXT(fclose)(file);
}
int close(int descriptor) {
  if (descriptor >= 0 && descriptor < 65536) disk().files[descriptor] = 0;
  return NEXT(close)(descriptor);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return NEXT(write)(descriptor, bytes, count);
  return written_here(descriptor, file, {static_cast<const char*>(bytes), count});
}
ssize_t writev(int descriptor, const struct iovec* parts, int count) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return NEXT(writev)(descriptor, parts, count);
  return written_here(descriptor, file, joined(parts, count));
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return NEXT(pwrite64)(descriptor, bytes, count, offset);
  return written_at(descriptor, file, {static_cast<const char*>(bytes), count}, static_cast<std::uint64_t>(offset));
}
ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}
ssize_t pwritev64(int descriptor, const struct iovec* parts, int count, off64_t offset) {
  const std::uint64_t file = watched(descriptor);
  if (file == 0) return NEXT(pwritev64)(descriptor, parts, count, offset);
  return written_at(descriptor, file, joined(parts, count), static_cast<std::uint64_t>(offset));
}
ssize_t pwritev(int descriptor, const struct iovec* parts, int count, off_t offset) {
  return pwritev64(descriptor, parts, count, offset);
}
ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t count, unsigned flags) {
  if (watched(to) != 0) {
    errno = EXDEV;  // callers fall back to read and write
    return -1;
  }
  return NEXT(copy_file_range)(from, from_at, to, to_at, count, flags);
}
ssize_t sendfile64(int to, int from, off64_t* at, size_t count) {
  if (watched(to) != 0) {
    errno = EINVAL;
    return -1;
  }
  return NEXT(sendfile64)(to, from, at, count);
}
ssize_t sendfile(int to, int from, off_t* at, size_t count) {
  return sendfile64(to, from, at, count);
}

int ftruncate64(int descriptor, off64_t size) {
  return sized(descriptor, static_cast<std::uint64_t>(size), &NEXT(ftruncate64));
}
int ftruncate(int descriptor, off_t size) {
  return ftruncate64(descriptor, size);
}
int truncate64(const char* path, off64_t size) {
  const int descriptor = open64(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return -1;
  const int done = ftruncate64(descriptor, size);
  close(descriptor);
  return done;
}
int truncate(const char* path, off_t size) {
  return truncate64(path, size);
}
int fallocate64(int descriptor, int mode, off64_t offset, off64_t length) {
  return allocated(descriptor, mode, offset, length);
}
int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  return allocated(descriptor, mode, offset, length);
}
int posix_fallocate64(int descriptor, off64_t offset, off64_t length) {
  return allocated(descriptor, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate(int descriptor, off_t offset, off_t length) {
  return posix_fallocate64(descriptor, offset, length);
}

int fsync(int descriptor) {
  return flush(descriptor, &NEXT(fsync));
}
int fdatasync(int descriptor) {
  return flush(descriptor, &NEXT(fdatasync));
}

int rename(const char* from, const char* to) {
  if (!disk().on()) return NEXT(rename)(from, to);
  return renamed(absolute(AT_FDCWD, from), absolute(AT_FDCWD, to), [&] { return NEXT(rename)(from, to); });
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  if (!disk().on()) return NEXT(renameat)(from_folder, from, to_folder, to);
  return renamed(absolute(from_folder, from), absolute(to_folder, to),
                 [&] { return NEXT(renameat)(from_folder, from, to_folder, to); });
}
int unlink(const char* path) {
  return removed(AT_FDCWD, path, false, [&] { return NEXT(unlink)(path); });
}
int unlinkat(int folder, const char* path, int flags) {
  return removed(folder, path, (flags & AT_REMOVEDIR) != 0, [&] { return NEXT(unlinkat)(folder, path, flags); });
}
int rmdir(const char* path) {
  return removed(AT_FDCWD, path, true, [&] { return NEXT(rmdir)(path); });
}
int remove(const char* path) {
  struct stat about;
  const bool folder = ::lstat(path, &about) == 0 && S_ISDIR(about.st_mode);
  return folder ? rmdir(path) : unlink(path);
}
int mkdirat(int folder, const char* path, mode_t mode) {
  const int done = NEXT(mkdirat)(folder, path, mode);
  struct stat about;
  if (done != 0 || !disk().on()) return done;
  const std::string full = absolute(folder, path);
  if (!ours(full) || ::lstat(full.c_str(), &about) != 0) return done;
  const std::scoped_lock lock(disk().mutex);
  note_made(full, about.st_ino, true);
  return done;
}
int mkdir(const char* path, mode_t mode) {
  return mkdirat(AT_FDCWD, path, mode);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  const int done = NEXT(linkat)(from_folder, from, to_folder, to, flags);
  struct stat about;
  if (done != 0 || !disk().on()) return done;
  const std::string full = absolute(to_folder, to);
  if (!ours(full) || ::lstat(full.c_str(), &about) != 0) return done;
  const std::scoped_lock lock(disk().mutex);
  note_made(full, about.st_ino, false);
  return done;
}
int link(const char* from, const char* to) {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

}  // extern "C"
