// Writes a file in one of several ways and then waits to be killed: what of it a power cut leaves is known beforehand.
//   disk_probe FOLDER WAY
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

int make(const std::string& path) {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}
void put(int file, const std::string& text, off_t at) {
  if (::pwrite(file, text.data(), text.size(), at) != static_cast<ssize_t>(text.size())) ::_exit(2);
}
void flush_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0 || ::fsync(file) != 0) ::_exit(3);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 1;
  const std::string folder = arguments[1], way = arguments[2], path = folder + "/file";
  if (way == "stream") {
    std::ofstream(path) << "by a stream";
    flush_folder(folder);
  } else if (way == "renamed" || way == "replaced") {
    const int file = make(folder + "/file.new");
    put(file, "new", 0);
    if (::fsync(file) != 0 || ::rename((folder + "/file.new").c_str(), path.c_str()) != 0) return 4;
    if (way == "renamed") flush_folder(folder);
  } else if (way == "idle") {
    // only opened and read by the next process
  } else if (way == "only-flush") {
    if (::fsync(make(path)) != 0) return 9;
  } else if (way == "unlinked") {
    if (::unlink(path.c_str()) != 0) return 5;
  } else if (way == "shortened") {
    const int file = make(path);
    if (::ftruncate(file, 3) != 0) return 6;
    put(file, "XYZ", 6);
  } else {
    const int file = make(path);
    if (way != "no-entry") flush_folder(folder);
    put(file, std::string(4000, 'a'), 0);
    if (way == "flushed" || way == "half" || way == "no-entry") {
      if (::fdatasync(file) != 0) return 7;
    }
    if (way == "half") {
      const std::string first(1000, 'b'), second(1000, 'c');
      ::iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                         {const_cast<char*>(second.data()), second.size()}};
      if (::pwritev(file, parts, 2, 3000) != 2000) return 8;
    }
  }
  std::puts("done");
  std::fflush(stdout);
  ::pause();
}
