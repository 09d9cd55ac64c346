// The limit of the disk: some writers, each with a file of its own, write and fdatasync blocks one after the other.
//   vedette_bench_disk_limit FOLDER WRITERS BLOCKS_EACH BYTES     prints the seconds
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

int main(int count, char** words) {
  if (count < 5) {
    std::fprintf(stderr, "usage: vedette_bench_disk_limit FOLDER WRITERS BLOCKS_EACH BYTES\n");
    return 2;
  }
  const std::string folder = words[1];
  const int writers = std::atoi(words[2]);
  const int blocks = std::atoi(words[3]);
  std::string bytes(static_cast<std::size_t>(std::atoll(words[4])), '\0');
  std::mt19937 random(1);  // a disk that compresses should not be helped
  for (char& one : bytes) one = static_cast<char>(random());
  const auto begun = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        const std::string path = folder + "/limit-" + std::to_string(writer);
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        for (int i = 0; i < blocks; ++i) {
          if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
              ::fdatasync(file) != 0) {
            std::perror(path.c_str());
            std::exit(1);
          }
        }
        ::close(file);
        ::unlink(path.c_str());
      });
    }
  }
  std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return 0;
}
